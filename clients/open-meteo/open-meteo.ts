// Places and their present weather from Open-Meteo, in the units this program works with.
import { z } from 'zod';
import type { Config } from '../../params/schema.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { Pace } from './pace.ts';
import { askJson, type OpenMeteoAccess, unavailable } from './request.ts';

/** What the geocoder finds under a name. */
export interface FoundPlace {
  /** Number in GeoNames. */
  readonly id: number;
  readonly name: string;
  /** In the language that was asked for; undefined for what belongs to none. */
  readonly country: string | undefined;
  readonly countryCode: string | undefined;
  /** Region, department, district: names of what it lies in, largest first. */
  readonly regions: readonly string[];
  readonly population: number;
  readonly latitude: number;
  readonly longitude: number;
  readonly timezone: string | undefined;
}

export interface Observation {
  /** Milliseconds since 1970; values change once in `intervalMs`. */
  readonly observedAt: number;
  readonly intervalMs: number;
  /** Degrees Celsius, metres a second, WMO code; undefined where the model has none. */
  readonly temperature: number | undefined;
  readonly windspeed: number | undefined;
  readonly weatherCode: number | undefined;
}

const RESULTS_MAX = 20;
const INTERVAL_S = 900;

const measure = z.number().nullish();
const placesSchema = z.object({
  results: z
    .array(
      z.object({
        ...{ id: z.number(), name: z.string(), latitude: z.number(), longitude: z.number() },
        ...{ country: z.string().optional(), country_code: z.string().optional() },
        ...{ admin1: z.string().optional(), admin2: z.string().optional() },
        ...{ admin3: z.string().optional(), admin4: z.string().optional() },
        ...{ population: z.number().optional(), timezone: z.string().optional() },
      }),
    )
    .default([]),
});
const forecastSchema = z.object({
  current_units: z.object({
    time: z.literal('iso8601'),
    temperature_2m: z.string(),
    wind_speed_10m: z.string(),
  }),
  utc_offset_seconds: z.literal(0),
  current: z.object({
    time: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/),
    interval: z.number().positive().default(INTERVAL_S),
    ...{ temperature_2m: measure, wind_speed_10m: measure, weather_code: measure },
  }),
});

export class OpenMeteo {
  readonly #config: Config['openMeteo'];
  readonly #access: OpenMeteoAccess;

  /** All that asks through one of these keeps to one pace. */
  constructor(config: Config['openMeteo'], clock: Clock) {
    const { apiKey, requestTimeoutMs } = config;
    this.#config = config;
    this.#access = { apiKey, requestTimeoutMs, pace: new Pace(config, clock), clock };
  }

  /**
   * Places called `name`, at most 20; empty: none is known. `countryCode` (ISO 3166-1 alpha-2) limits them where the server
   * knows how. Throws SOURCE_*.
   */
  async find(
    name: string,
    countryCode: string | undefined,
    language: string,
    signal: AbortSignal,
  ): Promise<readonly FoundPlace[]> {
    const url = at(this.#config.geocodingUrl, '/v1/search', {
      ...{ name, count: String(RESULTS_MAX), language, format: 'json' },
      ...(countryCode === undefined ? {} : { countryCode }),
    });
    const doing = 'look up a place at Open-Meteo';
    const { results } = checked(placesSchema, await this.#ask(url, doing, signal), doing);
    return results.map(({ country_code: code, admin1, admin2, admin3, admin4, ...place }) => ({
      ...place,
      ...{ country: place.country, timezone: place.timezone, countryCode: code },
      regions: [admin1, admin2, admin3, admin4].filter((region) => region !== undefined),
      population: place.population ?? 0,
    }));
  }

  /** The present weather. Throws SOURCE_*; SOURCE_REJECTED also for an answer in other units than were asked for. */
  async present(
    { latitude, longitude }: Pick<FoundPlace, 'latitude' | 'longitude'>,
    signal: AbortSignal,
  ): Promise<Observation> {
    const url = at(this.#config.forecastUrl, '/v1/forecast', {
      ...{ latitude: String(latitude), longitude: String(longitude) },
      current: 'temperature_2m,wind_speed_10m,weather_code',
      // The default is km/h, which would raise alerts at a breeze.
      ...{ wind_speed_unit: 'ms', temperature_unit: 'celsius', timezone: 'GMT' },
    });
    const doing = 'ask Open-Meteo for the weather';
    const answer = checked(forecastSchema, await this.#ask(url, doing, signal), doing);
    const { current, current_units: units } = answer;
    requireUnit(units.wind_speed_10m, 'm/s', doing);
    requireUnit(units.temperature_2m, '°C', doing);
    return {
      observedAt: Date.parse(`${current.time}Z`),
      intervalMs: current.interval * 1000,
      temperature: current.temperature_2m ?? undefined,
      windspeed: current.wind_speed_10m ?? undefined,
      weatherCode: current.weather_code ?? undefined,
    };
  }

  #ask(url: URL, doing: string, signal: AbortSignal): Promise<unknown> {
    return askJson(this.#access, url, doing, signal);
  }
}

function at(base: string, path: string, query: Readonly<Record<string, string>>): URL {
  const url = new URL(`${base.replace(/\/+$/, '')}${path}`);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}

function checked<T extends z.ZodType>(schema: T, answer: unknown, doing: string): z.output<T> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.');
  throw unavailable(
    `cannot ${doing}: the answer is not of the form Open-Meteo documents (${where})`,
  );
}

function requireUnit(is: string, asked: string, doing: string): void {
  if (is === asked) return;
  throw new PipelineError('SOURCE_REJECTED', `cannot ${doing}: it answers in ${is}, not ${asked}`, {
    hint: 'Levels would be wrong, so nothing is sent. Check openMeteo.forecastUrl in config.json.',
  });
}
