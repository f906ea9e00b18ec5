// Reads a weather record in any of the shapes it is met in: flat (ours, and what the exercises derive), and nested as the
// geo producer of the exercise writes it. Pure; what names a country is handed in.
import { Fault, isJsonObject } from './codec.ts';
import { type AlertLevel, heatLevel, type Weather, windLevel } from './weather.ts';
import { cityDirectory, UNKNOWN_COUNTRY, type WeatherLocation } from './weather-location.ts';

/** ISO 3166-1 alpha-2 in upper case for a name in any language or for a code; undefined when it is none. */
export type CountryCodeOf = (name: string) => string | undefined;
type Fields = Readonly<Record<string, unknown>>;

const KMH_IN_MS = 3.6;
/** Numbers below are seconds since 1970 (until the year 5138), others milliseconds. */
const SECONDS_BELOW = 1e11;
const MS_MAX = 8.64e15;
/** No country or time zone has a longer name; a longer text is looked up nowhere. */
const NAME_LENGTH_MAX = 200;

const NOT_OBJECT = new Fault('CODEC_COLUMN', 'the value is no JSON object, so no weather record');

/**
 * What a decoded value (`decodeValue`) says of the weather. Missing, null and blank fields are undefined, a place that is not
 * named is `UNKNOWN/Unknown-City`. Numbers may stand as text. Levels follow from the measures; where one is missing, the
 * level that is given counts (`2`, `"2"` or `"level_2"`). Faults, all CODEC_COLUMN: no object; a name that is no text; a
 * measure that is no finite number (NaN, 1e400); a time or level that is none.
 */
export function readWeather(json: unknown, countryCodeOf: CountryCodeOf): Weather | Fault {
  if (!isJsonObject(json)) return NOT_OBJECT;
  try {
    return isJsonObject(json['location']) || isJsonObject(json['current_weather'])
      ? readNested(json, countryCodeOf)
      : readFlat(json, countryCodeOf);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

function readFlat(json: Fields, countryCodeOf: CountryCodeOf): Weather {
  const [code, place] = locationParts(json['location']);
  const city = named(json, 'city') ?? place;
  const country = named(json, 'country');
  return {
    ...placed([named(json, 'country_code'), country, code], city, countryCodeOf),
    ...{ city, country, observedAt: time(json['timestamp']) },
    ...measured(json, measure(json, 'temperature'), measure(json, 'windspeed')),
    weatherCode: measure(json, 'weather_code'),
    ...{ latitude: measure(json, 'latitude'), longitude: measure(json, 'longitude') },
    timezone: named(json, 'timezone'),
  };
}

/** The original geo producer: it asked for no unit of wind, so it got km/h. */
function readNested(json: Fields, countryCodeOf: CountryCodeOf): Weather {
  const location = part(json, 'location');
  const geography = part(location, 'geography');
  const coordinates = part(location, 'coordinates');
  const current = part(json, 'current_weather');
  const city = named(geography, 'name') ?? named(json, 'city');
  const country = named(geography, 'country') ?? named(json, 'country');
  const code = named(geography, 'country_code') ?? named(json, 'country_code');
  const kmh = measure(current, 'wind_speed');
  return {
    ...placed([code, country], city, countryCodeOf),
    ...{ city, country, observedAt: time(json['timestamp']) },
    ...measured(json, measure(current, 'temperature'), kmh && kmh / KMH_IN_MS),
    weatherCode: measure(current, 'weather_code'),
    latitude: measure(coordinates, 'latitude'),
    longitude: measure(coordinates, 'longitude'),
    timezone: named(location, 'timezone'),
  };
}

function placed(
  countries: readonly (string | undefined)[],
  city: string | undefined,
  countryCodeOf: CountryCodeOf,
): { readonly location: WeatherLocation } {
  for (const name of countries) {
    const country = name && name.length <= NAME_LENGTH_MAX ? countryCodeOf(name) : undefined;
    if (country) return { location: { country, city: cityDirectory(city) } };
  }
  return { location: { country: UNKNOWN_COUNTRY, city: cityDirectory(city) } };
}

function measured(json: Fields, temperature: number | undefined, windspeed: number | undefined) {
  const wind = windspeed === undefined ? undefined : windLevel(windspeed);
  const heat = temperature === undefined ? undefined : heatLevel(temperature);
  return {
    ...{ temperature, windspeed },
    windLevel: wind ?? level(json, 'wind_alert_level'),
    heatLevel: heat ?? level(json, 'heat_alert_level'),
  };
}

/** Country and city of a location such as `FR/Paris`. */
function locationParts(location: unknown): readonly (string | undefined)[] {
  const parts = typeof location === 'string' ? location.split('/', 3) : [];
  return parts.length === 2 ? parts.map((text) => text.trim() || undefined) : [];
}

function part(of: Fields, key: string): Fields {
  const value = of[key];
  return isJsonObject(value) ? value : {};
}

function named(of: Fields, key: string): string | undefined {
  const value = of[key] ?? '';
  if (typeof value !== 'string') throw new Fault('CODEC_COLUMN', `${key} is no text`);
  return value.trim() || undefined;
}

function measure(of: Fields, key: string): number | undefined {
  const value = of[key] ?? undefined;
  if (value === undefined) return undefined;
  const isText =
    typeof value === 'string' && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value);
  const number = isText ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new Fault('CODEC_COLUMN', `${key} is no finite number`);
}

function level(of: Fields, key: string): AlertLevel | undefined {
  const value = of[key] ?? undefined;
  // What the transformation of the exercise writes where it has no measure.
  if (value === undefined || value === 'unknown') return undefined;
  const digit = /^(?:level_)?([012])$/.exec(String(value))?.[1];
  if (digit !== undefined) return Number(digit) as AlertLevel;
  throw new Fault('CODEC_COLUMN', `${key} is none of 0, 1, 2, level_0, level_1, level_2`);
}

/** ISO 8601, in UTC where no zone is said, or a number of seconds or milliseconds since 1970. */
function time(value: unknown): number | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  const ms = typeof value === 'number' ? since1970(value) : isoTime(value);
  if (Math.abs(ms) <= MS_MAX) return Math.round(ms);
  throw new Fault('CODEC_COLUMN', 'timestamp is no time');
}

function since1970(number: number): number {
  return Math.abs(number) < SECONDS_BELOW ? number * 1000 : number;
}

function isoTime(value: unknown): number {
  const text = typeof value === 'string' ? value.trim() : '';
  const found = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?$/.exec(
    text,
  );
  if (!found) return Number.NaN;
  const [, day, clock, zone = 'Z'] = found;
  return Date.parse(`${day}T${clock}${zone.replace(/(\d\d)(\d\d)$/, '$1:$2')}`);
}
