// From weather records to the lines of their locations: one JSON object each with the fields of the flat record, whatever shape
// it came in, and where it stood in Kafka.
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import { decodeTombstone, decodeValue, Fault, type TombstonePolicy } from '../../pipeline/codec.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { type WeatherRecord, weatherRecord } from '../../pipeline/weather.ts';
import { readWeather } from '../../pipeline/weather-reading.ts';

/** A record as it is written: `FR/Paris`, and its line with a newline. */
export interface LocatedLine {
  readonly location: string;
  readonly line: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Undefined: nothing comes of it (a tombstone, and the policy is `skip`; a row of NULLs would lie nowhere, so `write` sets it
 * aside). A record that is flat already stays as it was written. Of others, fields that the flat record does not have are
 * kept; one that came nested is kept whole under `record`.
 */
export function locatedLine(
  { topic, partition }: TopicPartition,
  { offset, value }: PipelineRecord,
  tombstones: TombstonePolicy,
): LocatedLine | Fault | undefined {
  if (value === null) {
    const fate = decodeTombstone(tombstones === 'skip' ? 'skip' : 'dead-letter');
    return fate instanceof Fault ? fate : undefined;
  }
  const decoded = decodeValue(value, 'json');
  if (decoded instanceof Fault) return decoded;
  const weather = readWeather(decoded.json, countryCodeOf);
  if (weather instanceof Fault) return weather;
  const flat = weatherRecord(weather);
  // `readWeather` takes nothing but JSON objects.
  const came = decoded.json as Fields;
  const object = isFlat(came, flat, decoded.text)
    ? decoded.text
    : JSON.stringify(whole(came, flat));
  const at = `"kafka_topic":"${topic}","kafka_partition":${partition},"kafka_offset":${offset}`;
  return { location: flat.location, line: `${object.slice(0, -1)},${at}}\n` };
}

/** `text` says what `flat` says, on one line and with room behind its last field. */
function isFlat(came: Fields, flat: WeatherRecord, text: string): boolean {
  if (text[0] !== '{' || text.at(-1) !== '}' || /[\n\r]/.test(text)) return false;
  if ('kafka_topic' in came || 'kafka_partition' in came || 'kafka_offset' in came) return false;
  for (const [name, value] of Object.entries(flat)) {
    if ((came[name] ?? null) !== value) return false;
  }
  return true;
}

function whole(came: Fields, flat: WeatherRecord): Fields {
  const isNested = typeof came['location'] === 'object' && came['location'] !== null;
  const { kafka_topic: _, kafka_partition: __, kafka_offset: ___, ...kept } = came;
  return { ...(isNested ? { record: came } : kept), ...flat };
}
