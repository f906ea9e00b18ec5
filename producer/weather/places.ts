// The places a person asks for: `City`, `City, Country` or `City, Region, Country`, from arguments or from a file.
import { readFileSync } from 'node:fs';
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import type { FoundPlace } from '../../clients/open-meteo/open-meteo.ts';
import { PipelineError } from '../../pipeline/errors.ts';

export interface PlaceWish {
  /** As it was written. */
  readonly text: string;
  readonly city: string;
  /** Region, department or district it must lie in. */
  readonly region: string | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly countryCode: string | undefined;
}

const PLACES_MAX = 10_000;
const FORMS = 'Write "City", "City, Country" or "City, Region, Country"';

/**
 * Arguments as the exercise has them: city and country (`Paris France`), or each a whole place once one of them holds a comma
 * (`'Paris, France' 'London, UK'`). Throws USAGE.
 */
export function placesFromArguments(args: readonly string[]): readonly string[] {
  if (args.some((arg) => arg.includes(','))) return args;
  if (args.length <= 2) return args.length === 0 ? [] : [args.join(', ')];
  throw new PipelineError(
    'USAGE',
    `${args.length} arguments are more than a city and its country`,
    {
      hint: "Quote names of several words ('New York' 'United States'), or write each place with its country: 'Paris, France' 'London, UK'.",
    },
  );
}

/** One place a line; blank lines and those beginning with # say nothing. Throws SOURCE_INPUT_INVALID. */
export function placesFromFile(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new PipelineError('SOURCE_INPUT_INVALID', `cannot read the places in ${path} (${code})`, {
      hint: `${FORMS} into it, one place a line.`,
      context: { file: path },
      cause: error,
    });
  }
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** Throws USAGE, naming every text that is no place or names an unknown country; also for none, and for more than 10,000. */
export function parsePlaces(texts: readonly string[]): readonly PlaceWish[] {
  if (texts.length === 0) {
    throw new PipelineError('USAGE', 'no place is named', {
      hint: '`kafka-hive geo-weather Paris France`, --places <file>, or weather.places in params.json.',
    });
  }
  if (texts.length > PLACES_MAX) {
    const message = `${texts.length} places are more than the ${PLACES_MAX} one producer looks at`;
    throw new PipelineError('USAGE', message, { hint: 'Share them out among several producers.' });
  }
  const wishes = texts.map(parsePlace);
  const wrong = wishes.filter((wish) => typeof wish === 'string');
  if (wrong.length > 0) throw wrongPlaces(wrong);
  return wishes.filter((wish) => typeof wish !== 'string');
}

/** USAGE, with one line for each. */
export function wrongPlaces(wrong: readonly string[]): PipelineError {
  return new PipelineError('USAGE', wrong.join('; '), {
    hint: `${FORMS}; a country by its name in any language, or its code.`,
  });
}

/** Or what is wrong with it. */
function parsePlace(text: string): PlaceWish | string {
  const parts = text.split(',').map((part) => part.trim());
  const [city = '', second, third] = parts;
  if (parts.length > 3 || parts.includes('')) return `"${text}" is no place`;
  const country = third ?? second;
  const countryCode = country === undefined ? undefined : countryCodeOf(country);
  if (country !== undefined && countryCode === undefined) {
    return `"${text}": no country is called ${country}`;
  }
  return { text, city, region: third === undefined ? undefined : second, countryCode };
}

/** Of what was found under the name, the largest that lies where it was wished; undefined: none does. */
export function bestPlace(wish: PlaceWish, found: readonly FoundPlace[]): FoundPlace | undefined {
  const { countryCode, region } = wish;
  const fitting = found.filter(
    (place) =>
      (countryCode === undefined || place.countryCode?.toUpperCase() === countryCode) &&
      (region === undefined || place.regions.some((name) => sameName(name, region))),
  );
  const [first, ...others] = fitting;
  return first && others.reduce((a, b) => (b.population > a.population ? b : a), first);
}

function sameName(a: string, b: string): boolean {
  return a.localeCompare(b, undefined, { sensitivity: 'base' }) === 0;
}
