// What flows through the pipeline during a schedule, and how its consumers are set: all of it from the seed, but
// for the day of the records. Every record follows from its producer and its number, so that the checker knows what must have
// arrived.
import { DAY_COLUMN } from '../../pipeline/table.ts';
import type { Random } from './random.ts';

/** The last two: the hdfs-consumer, whose files grow. */
export const SINKS = [
  'hive-load',
  'hive-load-local',
  'hive-insert',
  'locations-hdfs',
  'locations-local',
] as const;
export type SinkChoice = (typeof SINKS)[number];

export function isLocations(sink: SinkChoice): sink is 'locations-hdfs' | 'locations-local' {
  return sink === 'locations-hdfs' || sink === 'locations-local';
}

export interface Workload {
  readonly sink: SinkChoice;
  readonly format: 'parquet' | 'json' | 'json-gzip';
  readonly partitions: number;
  readonly producers: number;
  readonly consumers: number;
  readonly store: 'file' | 'group';
  readonly tombstones: 'skip' | 'write' | 'dead-letter';
  readonly batch: { readonly size: number; readonly ageMsMax: number; readonly idleMsMax: number };
  /** UTC days the records' time stamps are spread over. */
  readonly days: number;
  /** Midnight of the first of them; the last is that of the run. Milliseconds since 1970. */
  readonly firstDay: number;
  /** Records a second of each producer. */
  readonly rate: number;
}

export function planWorkload(random: Random, sink: SinkChoice | 'mixed', now: number): Workload {
  const chosen =
    sink === 'mixed'
      ? random.weighted({ 'hive-load': 5, 'hive-load-local': 3, 'hive-insert': 3 })
      : sink;
  if (isLocations(chosen)) return planLocations(random, chosen, now);
  // A statement costs HiveServer2 seconds, a file milliseconds.
  const isInsert = chosen === 'hive-insert';
  const partitions = isInsert ? random.int(1, 3) : random.int(1, 6);
  const producers = random.int(1, 2);
  return {
    sink: chosen,
    format: isInsert ? 'parquet' : random.pick(['parquet', 'parquet', 'json', 'json-gzip']),
    partitions,
    producers,
    consumers: random.int(2, 3),
    store: random.pick(['file', 'group']),
    tombstones: random.pick(['skip', 'write', 'dead-letter']),
    batch: {
      size: isInsert ? random.int(60, 300) : random.int(20, 200),
      ageMsMax: isInsert ? random.int(2000, 6000) : random.int(300, 2500),
      idleMsMax: isInsert ? random.int(1000, 3000) : random.int(200, 1500),
    },
    ...daysUntil(now, isInsert ? 1 : random.int(1, 3)),
    rate: isInsert ? random.int(8, 20) : random.int(20, 80),
  };
}

function planLocations(
  random: Random,
  sink: 'locations-hdfs' | 'locations-local',
  now: number,
): Workload {
  return {
    ...{ sink, store: 'group', ...daysUntil(now, 1) },
    format: random.pick(['json', 'json-gzip']),
    partitions: random.int(1, 6),
    producers: random.int(1, 2),
    // A directory of this machine takes one process; the visitor is refused, or takes over from a dead one.
    consumers: sink === 'locations-local' ? 1 : random.int(2, 3),
    tombstones: random.pick(['skip', 'dead-letter']),
    batch: { size: random.int(20, 200), ageMsMax: random.int(300, 2500), idleMsMax: 0 },
    rate: random.int(20, 80),
  };
}

/** Header of a record: which life of its producer sent it. */
export const RUN_HEADER = 'run';

const DAY_MS = 86_400_000;

export function daysUntil(now: number, days: number): Pick<Workload, 'days' | 'firstDay'> {
  return { days, firstDay: (Math.floor(now / DAY_MS) + 1 - days) * DAY_MS };
}

const NASTY = [
  'plain',
  `it's "quoted" \\ back\\slash`,
  'line\nbreak\r\nand\ttab',
  '$' + '{env:PATH} $' + '{hiveconf:x} $1',
  'żółć 東京 العربية 👩‍👩‍👧 é',
  'nul\u0000 and \u0001\u0002\u001a control',
  "'; DROP TABLE t; --",
  '\\N null? \\u0041 %s {} []',
  '',
];

export interface NumberedRecord {
  readonly id: string;
  readonly partition: number;
  readonly timestamp: number;
  /** Null: a tombstone. */
  readonly value: Buffer | null;
}

/** Record number `sequence` of producer `producer`. */
export function recordOf(producer: number, sequence: number, workload: Workload): NumberedRecord {
  const id = `${producer}-${sequence}`;
  return {
    id,
    partition: (Math.floor(sequence / 3) + producer) % workload.partitions,
    timestamp: workload.firstDay + (sequence % workload.days) * DAY_MS + (sequence % DAY_MS),
    value: bytesOf(id, sequence, workload),
  };
}

function bytesOf(id: string, sequence: number, { sink, firstDay }: Workload): Buffer | null {
  if (sequence % 89 === 7) return null;
  if (sequence % 97 === 13) return Buffer.from([0x7b, 0xff, 0xfe, sequence % 256]);
  if (sequence % 101 === 17) return Buffer.from(`{"id":"${id}", cut`);
  const post = { id, text: `${id} ${NASTY[sequence % NASTY.length]}` };
  return Buffer.from(
    JSON.stringify(isLocations(sink) ? weatherOf(sequence, firstDay, post) : post),
  );
}

const PLACES = [
  ...(['FR/Paris', 'FR/Lyon', 'DE/Berlin', 'SE/Stockholm'] as const),
  ...(['AT/Wien', 'JP/Tokyo', 'US/New-York', 'GB/London'] as const),
];
const placeOf = (sequence: number) => PLACES[sequence % PLACES.length] ?? '';

/** Every other record as geo-weather writes it, the rest without what follows from them; some longer than a page of memory. */
function weatherOf(sequence: number, firstDay: number, { id, text }: { id: string; text: string }) {
  const location = placeOf(sequence);
  const [country_code = '', city = ''] = location.split('/');
  const timestamp = new Date(firstDay + sequence * 1000).toISOString();
  const weather = { timestamp, city: city.replace('-', ' '), country_code, temperature: 36.5 };
  const derived = { wind_alert_level: 'level_1', heat_alert_level: 'level_2', location };
  return {
    ...{ ...weather, windspeed: 12, ...(sequence % 2 ? derived : {}) },
    ...{ id, text: sequence % 53 === 11 ? text.padEnd(6000, '-') : text },
  };
}

/** What a record must become in the table. */
export type Fate =
  | { readonly kind: 'row'; readonly id: string | null; readonly text: string | null }
  | { readonly kind: 'dead-letter' }
  | { readonly kind: 'skipped' };

/** What becomes of a value, judged without the code under test. */
export function fateOf(value: Buffer | null, tombstones: Workload['tombstones']): Fate {
  if (value === null) {
    if (tombstones === 'write') return { kind: 'row', id: null, text: null };
    return { kind: tombstones === 'skip' ? 'skipped' : 'dead-letter' };
  }
  try {
    const { id, text } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
    return { kind: 'row', id, text };
  } catch {
    return { kind: 'dead-letter' };
  }
}

/** Name of the directory a record's row must lie in. */
export function homeOf(
  { id, timestamp }: Pick<NumberedRecord, 'id' | 'timestamp'>,
  { sink }: Workload,
): string {
  return isLocations(sink) ? placeOf(Number(id.split('-')[1])) : dayOf(timestamp);
}

/** Table partition of a time. */
export function dayOf(timestamp: number): string {
  return `${DAY_COLUMN}=${new Date(timestamp).toISOString().slice(0, 10)}`;
}

/** Columns of the table besides those of Kafka. */
export const COLUMNS = [
  { name: 'id', type: 'string' },
  { name: 'text', type: 'string' },
] as const;
