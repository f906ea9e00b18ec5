// What flows through the pipeline during a schedule, and how its consumers are set: all of it from the seed. Every
// record follows from its producer and its number, so that the checker knows what must have arrived.
import { DAY_COLUMN } from '../../pipeline/table.ts';
import type { Random } from './random.ts';

export const SINKS = ['hive-load', 'hive-load-local', 'hive-insert'] as const;
export type SinkChoice = (typeof SINKS)[number];

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
  /** Records a second of each producer. */
  readonly rate: number;
}

export function planWorkload(random: Random, sink: SinkChoice | 'mixed'): Workload {
  const chosen =
    sink === 'mixed'
      ? random.weighted({ 'hive-load': 5, 'hive-load-local': 3, 'hive-insert': 3 })
      : sink;
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
    days: isInsert ? 1 : random.int(1, 3),
    rate: isInsert ? random.int(8, 20) : random.int(20, 80),
  };
}

/** Header of a record: which life of its producer sent it. */
export const RUN_HEADER = 'run';

const DAY_MS = 86_400_000;
/** 2026-11-20T00:00:00Z: fixed, so that a replay sends the same records. */
const FIRST_DAY = 1_795_132_800_000;

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
    timestamp: FIRST_DAY + (sequence % workload.days) * DAY_MS + (sequence % DAY_MS),
    value: bytesOf(id, sequence),
  };
}

function bytesOf(id: string, sequence: number): Buffer | null {
  if (sequence % 89 === 7) return null;
  if (sequence % 97 === 13) return Buffer.from([0x7b, 0xff, 0xfe, sequence % 256]);
  if (sequence % 101 === 17) return Buffer.from(`{"id":"${id}", cut`);
  return Buffer.from(JSON.stringify({ id, text: `${id} ${NASTY[sequence % NASTY.length]}` }));
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

/** Name of the table partition a record's row must lie in. */
export function dayOf(timestamp: number): string {
  return `${DAY_COLUMN}=${new Date(timestamp).toISOString().slice(0, 10)}`;
}

/** Columns of the table besides those of Kafka. */
export const COLUMNS = [
  { name: 'id', type: 'string' },
  { name: 'text', type: 'string' },
] as const;
