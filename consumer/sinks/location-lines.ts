// From weather records to the objects of their lines: the fields of the flat record, whatever shape it came in, and which
// location they belong to. Where it stood in Kafka is put behind them in location-block.ts.
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import {
  decodeText,
  decodeTombstone,
  Fault,
  isJsonObject,
  parseText,
  type TombstonePolicy,
} from '../../pipeline/codec.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { WEATHER_FIELDS, type WeatherRecord, weatherRecord } from '../../pipeline/weather.ts';
import { readWeather } from '../../pipeline/weather-reading.ts';
import { FlatTexts } from './flat-texts.ts';

/** A record as it is written. */
export interface LocatedLine {
  /** `FR/Paris` */
  readonly location: string;
  /** UTF-8 of a JSON object with at least one field, without a line break. */
  readonly object: Buffer;
}

type Fields = Readonly<Record<string, unknown>>;

/** Most records are flat already, and much of one is as in the one before: what was found out of that is remembered. */
export class LocationLines {
  readonly #tombstones: TombstonePolicy;
  readonly #flatTexts = new FlatTexts();

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
    const text = decodeText(value);
    if (text instanceof Fault) return text;
    const known = this.#flatTexts.locationOf(text);
    if (known !== undefined) return { location: known, object: value };
    const decoded = parseText(text);
    if (decoded instanceof Fault) return decoded;
    const weather = readWeather(decoded.json, countryCodeOf);
    if (weather instanceof Fault) return weather;
    const flat = weatherRecord(weather);
    // `readWeather` takes nothing but JSON objects.
    const came = decoded.json as Fields;
    const { location } = flat;
    if (!isFlat(came, flat) || !isPlain(came, text, value)) {
      return { location, object: Buffer.from(JSON.stringify(whole(came, flat))) };
    }
    this.#flatTexts.learn(text, Object.keys(came), location);
    return { location, object: value };
  }
}

/** `text`, the `bytes` decoded, is one line with room behind its last field, has each field once, and says nothing of Kafka or of the nested shape. */
function isPlain(came: Fields, text: string, bytes: Buffer): boolean {
  if (text[0] !== '{' || !text.endsWith('}')) return false;
  const names = Object.keys(came);
  if (names.some((name) => isRival(name) || KAFKA.has(name))) return false;
  return isLineWith(bytes, names.length) && !isJsonObject(came['current_weather']);
}

const [TAB, NEWLINE, RETURN, SPACE, QUOTE, COLON, BACKSLASH] = [9, 10, 13, 32, 34, 58, 92];

/**
 * JSON on one line, each of its `fields` there once: one that stands there twice is one in `JSON.parse`, and both to Hive. False
 * also where text only looks like a field.
 */
function isLineWith(bytes: Buffer, fields: number): boolean {
  let found = 0;
  let isInString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === NEWLINE || byte === RETURN) return false;
    // What is escaped ends nothing.
    if (byte === BACKSLASH) at += 1;
    if (byte !== QUOTE) continue;
    isInString = !isInString;
    if (isInString) continue;
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
