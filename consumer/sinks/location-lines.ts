// From weather records to the objects of their lines: the fields of the flat record, whatever shape it came in, and which
// location they belong to. Where it stood in Kafka is put behind them in location-block.ts.
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import {
  decodeTombstone,
  decodeValue,
  Fault,
  isJsonObject,
  type TombstonePolicy,
} from '../../pipeline/codec.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import {
  heatLevel,
  WEATHER_FIELDS,
  type WeatherRecord,
  weatherRecord,
  windLevel,
} from '../../pipeline/weather.ts';
import { readWeather } from '../../pipeline/weather-reading.ts';

/** A record as it is written. */
export interface LocatedLine {
  /** `FR/Paris` */
  readonly location: string;
  /** UTF-8 of a JSON object with at least one field, without a line break. */
  readonly object: Buffer;
}

type Fields = Readonly<Record<string, unknown>>;

/** Places that are remembered as written just as the flat record has them. */
const KNOWN_MAX = 10_000;
const UTC = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const LEVELS = ['level_0', 'level_1', 'level_2'] as const;
const NUMBERS = ['weather_code', 'latitude', 'longitude'] as const;

/** Most records are flat already, and much of one is as in the one before: what was found out of that is remembered. */
export class LocationLines {
  readonly #tombstones: TombstonePolicy;
  /** By location: how the rest of the place was written where it was just as the flat record has it. */
  readonly #known = new Map<string, Fields>();
  /** Names of fields, in their order, that a plain record had. */
  #plain: readonly string[] = [];
  /** A day that the calendar has, `2026-11-22T`. */
  #day = '';

  constructor(tombstones: TombstonePolicy) {
    this.#tombstones = tombstones;
  }

  /**
   * Undefined: nothing comes of it (a tombstone, and the policy is `skip`; a row of NULLs would lie nowhere, so `write` sets
   * it aside). A record that is flat already stays as it was written. Of others, fields that the flat record does not have
   * are kept; one that came nested, or with one of our names in other letters, is kept whole under `record`.
   */
  of({ value }: PipelineRecord): LocatedLine | Fault | undefined {
    if (value === null) {
      const fate = decodeTombstone(this.#tombstones === 'skip' ? 'skip' : 'dead-letter');
      return fate instanceof Fault ? fate : undefined;
    }
    const decoded = decodeValue(value, 'json');
    if (decoded instanceof Fault) return decoded;
    const { text, json } = decoded;
    const plain = isJsonObject(json) && this.#isPlain(json, text, value);
    if (plain && this.#isOfKnownPlace(json) && this.#hasFlatMeasures(json)) {
      return { location: String(json['location']), object: value };
    }
    const weather = readWeather(json, countryCodeOf);
    if (weather instanceof Fault) return weather;
    const flat = weatherRecord(weather);
    // `readWeather` takes nothing but JSON objects.
    const came = json as Fields;
    const { location } = flat;
    if (!plain || !isFlat(came, flat)) {
      return { location, object: Buffer.from(JSON.stringify(whole(came, flat))) };
    }
    const { city, country, country_code } = came;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(location, { city, country, country_code });
    return { location, object: value };
  }

  /** `text`, the `bytes` decoded, is one line with room behind its last field, has each field once, and says nothing of Kafka or of the nested shape. */
  #isPlain(came: Fields, text: string, bytes: Buffer): boolean {
    if (text[0] !== '{' || !text.endsWith('}')) return false;
    const names = Object.keys(came);
    if (!isSame(names, this.#plain)) {
      if (names.some((name) => isRival(name) || KAFKA.has(name))) return false;
      this.#plain = names;
    }
    if (!isLineWith(bytes, names.length)) return false;
    return typeof came['location'] === 'string' && !isJsonObject(came['current_weather']);
  }

  #isOfKnownPlace(came: Fields): boolean {
    const known = this.#known.get(String(came['location']));
    if (known === undefined || known['city'] !== came['city']) return false;
    return known['country'] === came['country'] && known['country_code'] === came['country_code'];
  }

  /** All that `isFlat` asks beside the place, without making a flat record to compare with. False: look closer. */
  #hasFlatMeasures(came: Fields): boolean {
    const { temperature, windspeed, timestamp } = came;
    if (!Number.isFinite(temperature) || !Number.isFinite(windspeed)) return false;
    if (came['heat_alert_level'] !== LEVELS[heatLevel(Number(temperature))]) return false;
    if (came['wind_alert_level'] !== LEVELS[windLevel(Number(windspeed))]) return false;
    for (const name of NUMBERS) if (!Number.isFinite(came[name] ?? 0)) return false;
    const zone = came['timezone'] ?? 'UTC';
    if (typeof zone !== 'string' || zone === '' || zone.trim() !== zone) return false;
    if (typeof timestamp !== 'string' || !UTC.test(timestamp)) return false;
    if (this.#day !== '' && timestamp.startsWith(this.#day)) return true;
    const ms = Date.parse(timestamp);
    if (Number.isNaN(ms) || new Date(ms).toISOString() !== timestamp) return false;
    this.#day = timestamp.slice(0, 'yyyy-mm-ddT'.length);
    return true;
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, at) => name === others[at]);
}

const [TAB, NEWLINE, RETURN, SPACE, QUOTE, COLON] = [9, 10, 13, 32, 34, 58];

/**
 * JSON on one line, each of its `fields` there once: one that stands there twice is one in `JSON.parse`, and both to Hive. False
 * also where text only looks like a field.
 */
function isLineWith(bytes: Buffer, fields: number): boolean {
  let found = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === NEWLINE || byte === RETURN) return false;
    if (byte !== QUOTE) continue;
    const next = bytes[at + 1];
    if (next === COLON) found += 1;
    // Room between a name and its colon would hide it.
    else if (next === SPACE || next === TAB) return false;
  }
  return found === fields;
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
  const hasRival = Object.keys(came).some(isRival);
  return { ...(isNested || hasRival ? { record: came } : kept), ...flat };
}

const KAFKA: ReadonlySet<string> = new Set(['kafka_topic', 'kafka_partition', 'kafka_offset']);
const OURS: ReadonlySet<string> = new Set([...WEATHER_FIELDS, ...KAFKA]);

/** Hive reads field names without regard to case: another one's `Kafka_Offset` would make the whole table unreadable. */
function isRival(name: string): boolean {
  const lower = name.toLowerCase();
  return lower !== name && OURS.has(lower);
}
