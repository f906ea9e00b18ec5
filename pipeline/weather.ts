// The weather record every command of the weather exercise shares, and the alert levels of wind and heat.
import { formatLocation, type WeatherLocation } from './weather-location.ts';

/** 0: no alert; 1: an alert; 2: a strong one. */
export type AlertLevel = 0 | 1 | 2;
type LevelName = `level_${AlertLevel}`;

/** What is known of the weather at one place and time. Undefined: not measured, or not said. */
export interface Weather {
  readonly location: WeatherLocation;
  /** As it was written, without blanks at the ends. */
  readonly city: string | undefined;
  readonly country: string | undefined;
  /** Milliseconds since 1970. */
  readonly observedAt: number | undefined;
  /** Degrees Celsius. */
  readonly temperature: number | undefined;
  /** Metres a second. */
  readonly windspeed: number | undefined;
  /** WMO code 4677. */
  readonly weatherCode: number | undefined;
  readonly windLevel: AlertLevel | undefined;
  readonly heatLevel: AlertLevel | undefined;
  /** Degrees, north and east positive. */
  readonly latitude: number | undefined;
  readonly longitude: number | undefined;
  /** Such as Europe/Paris. */
  readonly timezone: string | undefined;
}

/** What is sent to Kafka, as JSON with exactly these fields in this order. `null` where nothing is known. */
export interface WeatherRecord {
  /** Time of the observation, ISO 8601 in UTC. */
  readonly timestamp: string | null;
  readonly city: string | null;
  readonly country: string | null;
  /** ISO 3166-1 alpha-2, or UNKNOWN. */
  readonly country_code: string;
  readonly temperature: number | null;
  readonly windspeed: number | null;
  readonly weather_code: number | null;
  readonly wind_alert_level: LevelName | null;
  readonly heat_alert_level: LevelName | null;
  /** `FR/Paris`: also the key of the record, and its directory below the base path. */
  readonly location: string;
  readonly latitude: number | null;
  readonly longitude: number | null;
  readonly timezone: string | null;
}

/** Names of all fields of a record. */
export const WEATHER_FIELDS = [
  'timestamp',
  'city',
  'country',
  'country_code',
  'temperature',
  'windspeed',
  'weather_code',
  'wind_alert_level',
  'heat_alert_level',
  'location',
  'latitude',
  'longitude',
  'timezone',
] as const satisfies readonly (keyof WeatherRecord)[];

/** Below the first number level 0, above the second level 2, from one to the other level 1: metres a second, degrees Celsius. */
export const WIND_LEVELS = [10, 20] as const;
export const HEAT_LEVELS = [25, 35] as const;

/** Of metres a second. */
export function windLevel(metresPerSecond: number): AlertLevel {
  return levelBetween(metresPerSecond, WIND_LEVELS);
}

/** Of degrees Celsius. */
export function heatLevel(celsius: number): AlertLevel {
  return levelBetween(celsius, HEAT_LEVELS);
}

function levelBetween(value: number, [first, last]: readonly [number, number]): AlertLevel {
  if (value < first) return 0;
  return value > last ? 2 : 1;
}

export function weatherRecord(weather: Weather): WeatherRecord {
  const { observedAt, location } = weather;
  return {
    timestamp: observedAt === undefined ? null : new Date(observedAt).toISOString(),
    city: weather.city ?? null,
    country: weather.country ?? null,
    country_code: location.country,
    temperature: weather.temperature ?? null,
    windspeed: weather.windspeed ?? null,
    weather_code: weather.weatherCode ?? null,
    wind_alert_level: levelName(weather.windLevel),
    heat_alert_level: levelName(weather.heatLevel),
    location: formatLocation(location),
    latitude: weather.latitude ?? null,
    longitude: weather.longitude ?? null,
    timezone: weather.timezone ?? null,
  };
}

function levelName(level: AlertLevel | undefined): LevelName | null {
  return level === undefined ? null : `level_${level}`;
}
