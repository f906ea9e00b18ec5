// From weather records to the lines of their locations: one JSON object each with the fields of the flat record, whatever shape
// it came in, and where it stood in Kafka.
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import {
  decodeTombstone,
  decodeValue,
  Fault,
  isJsonObject,
  type TombstonePolicy,
} from '../../pipeline/codec.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { heatLevel, type WeatherRecord, weatherRecord, windLevel } from '../../pipeline/weather.ts';
import { readWeather } from '../../pipeline/weather-reading.ts';

/** A record as it is written: `FR/Paris`, and its line with a newline. */
export interface LocatedLine {
  readonly location: string;
  readonly line: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Places that are remembered as written just as the flat record has them. */
const KNOWN_MAX = 10_000;
const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export class LocationLines {
  readonly #tombstones: TombstonePolicy;
  /** Most records name one of few places: what they say of it, joined. It spares reading them field by field. */
  readonly #known = new Set<string>();

  constructor(tombstones: TombstonePolicy) {
    this.#tombstones = tombstones;
  }

  /**
   * Undefined: nothing comes of it (a tombstone, and the policy is `skip`; a row of NULLs would lie nowhere, so `write` sets
   * it aside). A record that is flat already stays as it was written. Of others, fields that the flat record does not have
   * are kept; one that came nested, or with one of our names in other letters, is kept whole under `record`.
   */
  of(
    { topic, partition }: TopicPartition,
    { offset, value }: PipelineRecord,
  ): LocatedLine | Fault | undefined {
    if (value === null) {
      const fate = decodeTombstone(this.#tombstones === 'skip' ? 'skip' : 'dead-letter');
      return fate instanceof Fault ? fate : undefined;
    }
    const decoded = decodeValue(value, 'json');
    if (decoded instanceof Fault) return decoded;
    const { text, json } = decoded;
    const at = `"kafka_topic":"${topic}","kafka_partition":${partition},"kafka_offset":${offset}}\n`;
    const line = (object: string) => `${object.slice(0, -1)},${at}`;
    if (isJsonObject(json) && isPlain(json, text) && this.#known.has(placeOf(json))) {
      const location = String(json['location']);
      if (hasFlatMeasures(json)) return { location, line: line(text) };
    }
    const weather = readWeather(json, countryCodeOf);
    if (weather instanceof Fault) return weather;
    const flat = weatherRecord(weather);
    // `readWeather` takes nothing but JSON objects.
    const came = json as Fields;
    const { location } = flat;
    if (!isPlain(came, text) || !isFlat(came, flat)) {
      return { location, line: line(JSON.stringify(whole(came, flat))) };
    }
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.add(placeOf(came));
    return { location, line: line(text) };
  }
}

function placeOf({ location, city, country, country_code: code }: Fields): string {
  return JSON.stringify([location, city, country, code]);
}

/** All that `isFlat` asks beside the place, without making a flat record to compare with. False: look closer. */
function hasFlatMeasures(came: Fields): boolean {
  const { temperature, windspeed, timestamp } = came;
  if (!Number.isFinite(temperature) || !Number.isFinite(windspeed)) return false;
  if (came['heat_alert_level'] !== `level_${heatLevel(Number(temperature))}`) return false;
  if (came['wind_alert_level'] !== `level_${windLevel(Number(windspeed))}`) return false;
  for (const name of ['weather_code', 'latitude', 'longitude']) {
    const value = came[name] ?? 0;
    if (!Number.isFinite(value)) return false;
  }
  const zone = came['timezone'] ?? 'UTC';
  if (typeof zone !== 'string' || zone === '' || zone.trim() !== zone) return false;
  if (typeof timestamp !== 'string' || !UTC.test(timestamp)) return false;
  const ms = Date.parse(timestamp);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === timestamp;
}

/** `text` is one line with room behind its last field, has each field once, and says nothing of Kafka or of the nested shape. */
function isPlain(came: Fields, text: string): boolean {
  if (text[0] !== '{' || text.at(-1) !== '}' || /[\n\r]/.test(text)) return false;
  // A field that stands there twice is one here, and both to Hive.
  const fields = Object.keys(came).length;
  if (text.split('":', fields + 2).length !== fields + 1 || hasRival(came)) return false;
  if ('kafka_topic' in came || 'kafka_partition' in came || 'kafka_offset' in came) return false;
  return typeof came['location'] === 'string' && !isJsonObject(came['current_weather']);
}

function isFlat(came: Fields, flat: WeatherRecord): boolean {
  for (const [name, value] of Object.entries(flat)) {
    if ((came[name] ?? null) !== value) return false;
  }
  return true;
}

function whole(came: Fields, flat: WeatherRecord): Fields {
  const isNested = typeof came['location'] === 'object' && came['location'] !== null;
  const { kafka_topic: _, kafka_partition: __, kafka_offset: ___, ...kept } = came;
  return { ...(isNested || hasRival(came) ? { record: came } : kept), ...flat };
}

const OURS = new Set([
  ...['timestamp', 'city', 'country', 'country_code', 'temperature', 'windspeed', 'weather_code'],
  ...['wind_alert_level', 'heat_alert_level', 'location', 'latitude', 'longitude', 'timezone'],
  ...['kafka_topic', 'kafka_partition', 'kafka_offset'],
]);

/** Hive reads field names without regard to case: another one's `Kafka_Offset` would make the whole table unreadable. */
function hasRival(came: Fields): boolean {
  return Object.keys(came).some((key) => {
    const lower = key.toLowerCase();
    return lower !== key && OURS.has(lower);
  });
}
