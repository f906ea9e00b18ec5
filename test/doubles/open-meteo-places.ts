// The geocoder of the Open-Meteo double: a few places of GeoNames under their names in some languages.
import type { ServerResponse } from 'node:http';
import { json } from './x-answers.ts';

interface Place {
  readonly id: number;
  readonly names: Readonly<Record<string, string>>;
  readonly code: string;
  readonly admin1: string;
  readonly population?: number;
  readonly at: readonly [latitude: number, longitude: number];
  readonly timezone: string;
}

const place = (
  ...[id, names, code, admin1, population, at, timezone]: [
    number,
    Place['names'] | string,
    string,
    string,
    number | undefined,
    Place['at'],
    string,
  ]
): Place => ({
  ...{ id, code, admin1, at, timezone, names: typeof names === 'string' ? { en: names } : names },
  ...(population === undefined ? {} : { population }),
});

/** Most relevant first, which is not always the largest. */
const PLACES: readonly Place[] = [
  place(4717560, 'Paris', 'US', 'Texas', 24_171, [33.66094, -95.55551], 'America/Chicago'),
  place(2988507, 'Paris', 'FR', 'Île-de-France', 2_138_551, [48.85341, 2.3488], 'Europe/Paris'),
  place(4303602, 'Paris', 'US', 'Kentucky', 9846, [38.2098, -84.25299], 'America/New_York'),
  place(2988500, 'Paris', 'DK', 'Midtjylland', undefined, [56.3, 8.6], 'Europe/Copenhagen'),
  place(
    ...([2643743, { en: 'London', fr: 'Londres' }, 'GB', 'England', 8_961_989] as const),
    ...([[51.50853, -0.12574], 'Europe/London'] as const),
  ),
  place(6058560, 'London', 'CA', 'Ontario', 346_765, [42.98339, -81.23304], 'America/Toronto'),
  place(2950159, 'Berlin', 'DE', 'Berlin', 3_426_354, [52.52437, 13.41053], 'Europe/Berlin'),
  place(
    5128581,
    'New York',
    'US',
    'New York',
    8_804_190,
    [40.71427, -74.00597],
    'America/New_York',
  ),
  place(
    ...([1850147, { en: 'Tokyo', ja: '東京', fr: 'Tokyo' }, 'JP', 'Tokyo', 9_733_276] as const),
    ...([[35.6895, 139.69171], 'Asia/Tokyo'] as const),
  ),
  place(
    2673730,
    'Stockholm',
    'SE',
    'Stockholm',
    1_515_017,
    [59.32938, 18.06871],
    'Europe/Stockholm',
  ),
  place(
    3448439,
    'São Paulo',
    'BR',
    'São Paulo',
    12_400_232,
    [-23.5475, -46.63611],
    'America/Sao_Paulo',
  ),
  place(
    2996944,
    'Lyon',
    'FR',
    'Auvergne-Rhône-Alpes',
    522_250,
    [45.74846, 4.84671],
    'Europe/Paris',
  ),
];

/** `GET /v1/search`. A country the service does not know how to filter by is passed over, as by older versions of it. */
export function answerSearch(asked: URLSearchParams, response: ServerResponse): void {
  const name = asked.get('name') ?? '';
  const count = Number(asked.get('count') ?? 10);
  if (name === '' || !(count >= 1 && count <= 100)) {
    const reason = name === '' ? 'Parameter name must be set' : 'Parameter count must be 1 to 100';
    json(response, 400, { error: true, reason });
    return;
  }
  const language = asked.get('language') ?? 'en';
  const found = [...PLACES, ...madePlaces(name)]
    .filter(({ names }) => Object.values(names).some((known) => sameStart(known, name)))
    .slice(0, count);
  const results = found.map((one) => result(one, language));
  // Absent where there is none, which surprises many.
  json(response, 200, { ...(results.length > 0 ? { results } : {}), generationtime_ms: 0.6 });
}

/** `City 17`: as many places as a test wants. */
function madePlaces(name: string): Place[] {
  const number = Number(/^City (\d{1,5})$/.exec(name)?.[1]);
  if (!number) return [];
  const at = [45 + number / 20_000, 2] as const;
  return [place(10_000_000 + number, name, 'FR', 'Made', 1000, at, 'Europe/Paris')];
}

function result({ id, names, code, admin1, population, at, timezone }: Place, language: string) {
  const countries = new Intl.DisplayNames(language, { type: 'region' });
  return {
    ...{ id, name: names[language] ?? names['en'] },
    ...{ latitude: at[0], longitude: at[1], elevation: 42, feature_code: 'PPLC' },
    ...{ country_code: code, country_id: id % 7_000_000, country: countries.of(code) },
    ...{ admin1_id: id - 1, admin1, timezone },
    ...(population === undefined ? {} : { population }),
  };
}

function sameStart(known: string, name: string): boolean {
  const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain(known).startsWith(plain(name));
}
