// What becomes of one weather record: an alert, nothing, or a dead letter; and the records that are sent. Pure.
import { decodeValue, Fault } from '../../pipeline/codec.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { OutgoingRecord, PipelineRecord } from '../../pipeline/record.ts';
import { type Weather, weatherRecord } from '../../pipeline/weather.ts';
import { formatLocation } from '../../pipeline/weather-location.ts';
import { type CountryCodeOf, readWeather } from '../../pipeline/weather-reading.ts';
import { DEAD_LETTER_HEADERS } from '../dead-letters.ts';
import type { CountedAlert, WindowCount } from './windows.ts';

/**
 * How far the time of an observation may lie ahead of the time Kafka has of its record. One record of the year 2100 would
 * close every window, and all that comes after it would be late.
 */
const AHEAD_MS_MAX = 60 * 60_000;

export interface Observation {
  /** Event time in milliseconds since 1970: of the observation, or Kafka's where the record names none. */
  readonly time: number;
  readonly weather: Weather;
  /** Undefined: neither wind nor heat has level 1 or 2. */
  readonly alert: CountedAlert | undefined;
}

const NO_VALUE = new Fault('CODEC_TOMBSTONE', 'the record has no value, so no weather');
const AHEAD = new Fault(
  'CODEC_COLUMN',
  'timestamp lies more than an hour ahead of the time Kafka has of the record',
);

/** Faults: those of `decodeValue` and `readWeather`, a record without value, a time more than an hour ahead. */
export function observe(record: PipelineRecord, countryCodeOf: CountryCodeOf): Observation | Fault {
  if (record.value === null) return NO_VALUE;
  const decoded = decodeValue(record.value, 'json');
  if (decoded instanceof Fault) return decoded;
  const weather = readWeather(decoded.json, countryCodeOf);
  if (weather instanceof Fault) return weather;
  const time = weather.observedAt ?? record.timestamp;
  if (time > record.timestamp + AHEAD_MS_MAX) return AHEAD;
  return { time, weather: { ...weather, observedAt: time }, alert: alertOf(weather) };
}

function alertOf({ windLevel = 0, heatLevel = 0, location }: Weather): CountedAlert | undefined {
  const level = Math.max(windLevel, heatLevel);
  if (level !== 1 && level !== 2) return undefined;
  const { country } = location;
  return { country, level, wind: windLevel === level, heat: heatLevel === level };
}

/** Key: location. Value: the flat weather record. Headers tell the record it comes from; Kafka's time is that record's. */
export function alertRecord(
  { weather }: Observation,
  of: TopicPartition,
  { offset, timestamp }: PipelineRecord,
): OutgoingRecord {
  return {
    key: Buffer.from(formatLocation(weather.location)),
    value: Buffer.from(JSON.stringify(weatherRecord(weather))),
    timestamp,
    headers: {
      [DEAD_LETTER_HEADERS.topic]: of.topic,
      [DEAD_LETTER_HEADERS.partition]: String(of.partition),
      [DEAD_LETTER_HEADERS.offset]: offset.toString(),
    },
  };
}

/** Key: country and level, so that the windows of one series stay in order. */
export function countRecord(window: WindowCount): OutgoingRecord {
  const { start, end, country, level, count, wind, heat } = window;
  const value = {
    window_start: new Date(start).toISOString(),
    window_end: new Date(end).toISOString(),
    country_code: country,
    alert_level: `level_${level}`,
    alert_count: count,
    wind_alert_count: wind,
    heat_alert_count: heat,
  };
  return {
    key: Buffer.from(`${country}/level_${level}`),
    value: Buffer.from(JSON.stringify(value)),
  };
}
