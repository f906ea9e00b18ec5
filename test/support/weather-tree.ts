// A tree of weather records as hdfs-consumer writes it, with some that are broken: small, and the same each time.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface WeatherPlace {
  readonly code: string;
  readonly country: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly timezone: string;
  /** Added to the temperature of the hour and the day. */
  readonly warmth: number;
}

export const PLACES: readonly WeatherPlace[] = [
  {
    ...{ code: 'FR', country: 'France', city: 'Paris', timezone: 'Europe/Paris' },
    ...{ latitude: 48.85, longitude: 2.35, warmth: 14 },
  },
  {
    ...{ code: 'FR', country: 'France', city: 'Marseille', timezone: 'Europe/Paris' },
    ...{ latitude: 43.3, longitude: 5.37, warmth: 21 },
  },
  {
    ...{ code: 'DE', country: 'Germany', city: 'Berlin', timezone: 'Europe/Berlin' },
    ...{ latitude: 52.52, longitude: 13.4, warmth: 11 },
  },
  {
    ...{ code: 'JP', country: '日本', city: '東京', timezone: 'Asia/Tokyo' },
    ...{ latitude: 35.68, longitude: 139.69, warmth: 19 },
  },
  {
    ...{ code: 'US', country: 'United States', city: 'New York', timezone: 'America/New_York' },
    ...{ latitude: 40.71, longitude: -74, warmth: 15 },
  },
];

const HOUR_MS = 3_600_000;
const BEGIN = Date.UTC(2026, 5, 1);

/** The record of one place and hour: warm in the afternoon, windy now and then. */
export function weatherAt(place: WeatherPlace, hour: number): Record<string, unknown> {
  const temperature = place.warmth + 9 * Math.sin(((hour % 24) - 9) * (Math.PI / 12)) + (hour % 7);
  const windspeed = Math.abs(11 * Math.sin(hour / 17) + 13 * Math.sin(hour / 53));
  return {
    timestamp: new Date(BEGIN + hour * HOUR_MS).toISOString(),
    city: place.city,
    country: place.country,
    country_code: place.code,
    temperature: Math.round(temperature * 10) / 10,
    windspeed: Math.round(windspeed * 10) / 10,
    weather_code: [0, 0, 1, 2, 3, 61][(hour + place.warmth) % 6],
    wind_alert_level: `level_${windspeed < 10 ? 0 : windspeed > 20 ? 2 : 1}`,
    heat_alert_level: `level_${temperature < 25 ? 0 : temperature > 35 ? 2 : 1}`,
    location: `${place.code}/${place.city.replace(' ', '-')}`,
    latitude: place.latitude,
    longitude: place.longitude,
    timezone: place.timezone,
  };
}

/** Writes `hours` records a place below `base`; every other place as gzip. */
export function writeTree(base: string, hours: number): void {
  for (const [index, place] of PLACES.entries()) {
    const records = Array.from({ length: hours }, (_, hour) => weatherAt(place, hour));
    const lines = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    putFile(
      base,
      `${place.code}/${place.city.replace(' ', '-')}`,
      index % 2 ? gzipSync(lines) : lines,
    );
  }
}

/** One more file in the directory of a place, `.gz` when its bytes are. */
export function putFile(
  base: string,
  place: string,
  content: Buffer | string,
  stem = 'alerts',
): void {
  const directory = join(base, place);
  mkdirSync(directory, { recursive: true });
  const isGzip = Buffer.isBuffer(content) && content[0] === 0x1f;
  writeFileSync(join(directory, `${stem}.json${isGzip ? '.gz' : ''}`), content);
}
