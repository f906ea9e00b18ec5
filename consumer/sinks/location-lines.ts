// From a weather record to the line of its location: one JSON object with the fields of the flat record, whatever shape it came
// in, and where it stood in Kafka.
import { countryCodeOf } from '../../clients/countries/country-code.ts';
import { decodeTombstone, decodeValue, Fault, type TombstonePolicy } from '../../pipeline/codec.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { weatherRecord } from '../../pipeline/weather.ts';
import { readWeather } from '../../pipeline/weather-reading.ts';

/** A record as it is written: `FR/Paris`, and its line with a newline. */
export interface LocatedLine {
  readonly location: string;
  readonly line: string;
}

/**
 * Undefined: nothing comes of it (a tombstone, and the policy is `skip`; a row of NULLs would lie nowhere, so `write` sets it
 * aside). Fields that the flat record does not have are kept; a record that came nested, or with one of our names in other
 * letters (`Temperature`), is kept whole under `record`.
 */
export function locatedLine(
  { topic, partition }: TopicPartition,
  { offset, value }: PipelineRecord,
  tombstones: TombstonePolicy,
): LocatedLine | Fault | undefined {
  if (value === null) {
    const policy = tombstones === 'skip' ? 'skip' : 'dead-letter';
    const fate = decodeTombstone(policy);
    return fate instanceof Fault ? fate : undefined;
  }
  const decoded = decodeValue(value, 'json');
  if (decoded instanceof Fault) return decoded;
  const weather = readWeather(decoded.json, countryCodeOf);
  if (weather instanceof Fault) return weather;
  const flat = weatherRecord(weather);
  // `readWeather` takes nothing but JSON objects.
  const came = decoded.json as Readonly<Record<string, unknown>>;
  const at = { kafka_topic: topic, kafka_partition: partition, kafka_offset: Number(offset) };
  const isNested = typeof came['location'] === 'object' && came['location'];
  const kept = isNested || hasRival(came, { ...flat, ...at }) ? { record: came } : came;
  return { location: flat.location, line: `${JSON.stringify({ ...kept, ...flat, ...at })}\n` };
}

/** Hive reads field names without regard to case: another one's `Kafka_Offset` would make the whole table unreadable. */
function hasRival(came: object, ours: object): boolean {
  return Object.keys(came).some((key) => {
    const lower = key.toLowerCase();
    return lower !== key && Object.hasOwn(ours, lower);
  });
}
