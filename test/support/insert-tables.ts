// Tables, batches and writers for the tests of hive-insert, in a Hive database of the test's own.
import type { HiveClient } from '../../clients/hive/session.ts';
import { HiveInsertSink, type ValueEncoder } from '../../consumer/sinks/hive-insert.ts';
import type { RowValues } from '../../consumer/sinks/insert-statement.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import type { Column, TableSpec } from '../../pipeline/table.ts';
import { createDatabase, type HiveDatabase, never } from './hive.ts';
import { uniqueName } from './stack.ts';

const column = (name: string, type: Column['type']): Column => ({ name, type, path: name });
const COLUMNS = [
  column('id', 'string'),
  column('n', 'bigint'),
  column('ratio', 'double'),
  column('yes', 'boolean'),
  column('tags', 'array<string>'),
  column('made', 'timestamp'),
  column('on_day', 'date'),
];

export const OF = { topic: 'posts.v-1_x', partition: 3 };

/** A record's value: the day its row goes to and the row, or what else becomes of it. */
export type Value = { day: string; row: RowValues } | 'skip' | 'reject';

/** Takes values that are a `Value` as JSON. */
const encoder: ValueEncoder = {
  async encodeRows({ range, records }) {
    const groups = new Map<string, RowValues[]>();
    const rejects = [];
    let skipped = 0;
    for (const record of records) {
      const value: Value = JSON.parse(String(record.value));
      if (value === 'skip') skipped += 1;
      else if (value === 'reject') rejects.push({ record, code: 'CODEC_NOT_JSON', reason: 'test' });
      else {
        const kafka = [
          range.topic,
          `${range.partition}`,
          `${record.offset}`,
          '2026-11-21 10:00:00.000',
        ];
        const rows = groups.get(value.day) ?? [];
        groups.set(value.day, [...rows, [...kafka, ...value.row]]);
      }
    }
    return {
      groups: [...groups].map(([tablePartition, rows]) => ({ tablePartition, rows })),
      skipped,
      rejects,
    };
  },
};

/** One record a value, at the offsets from `start` on. */
export function batchOf(start: number, values: readonly Value[]): Batch {
  const records = values.map((value, at) => ({
    offset: BigInt(start + at),
    timestamp: 1_795_255_200_000,
    key: null,
    value: Buffer.from(JSON.stringify(value)),
    headers: undefined,
  }));
  return { range: { ...OF, start: BigInt(start), end: BigInt(start + values.length) }, records };
}

/** A row of the table's own columns, every one filled; `changes` are laid over it by their index. */
export const row = (id: string, changes: RowValues = []): RowValues => {
  const values: RowValues = [
    id,
    '7',
    '1.5',
    'true',
    ['a', 'b'],
    '2026-11-21 10:11:12.345',
    '2026-11-21',
  ];
  return values.map((value, at) => (at in changes ? (changes[at] ?? null) : value));
};

/** `count` rows of one day, named by their offset. */
export const rows = (start: number, count: number, day = '2026-11-21'): Value[] =>
  Array.from({ length: count }, (_, at) => ({ day, row: row(`r${start + at}`) }));

/** Stages, commits and places, as `deliver` does; returns what stands. */
export async function deliverTo(sink: HiveInsertSink, of: Batch): Promise<BatchRecord> {
  const { record } = await sink.stage(of, never);
  const standing = await sink.ledger.commit(record, never);
  await sink.place(standing, never);
  return standing;
}

/** The whole numbers from `from` to before `to`. */
export const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => from + at);

export class InsertTables {
  readonly #database: HiveDatabase;
  readonly hive: HiveClient;

  private constructor(database: HiveDatabase) {
    this.#database = database;
    this.hive = database.hive;
  }

  static async open(): Promise<InsertTables> {
    return new InsertTables(await createDatabase('inserts'));
  }

  /** A table of a name nobody uses; it is created when a writer opens it. */
  table(): TableSpec {
    return {
      database: this.#database.database,
      name: uniqueName('t').toLowerCase(),
      columns: COLUMNS,
      dayFrom: 'kafka_timestamp',
      format: 'parquet',
      location: undefined,
    };
  }

  /** A writer of its own, as another process would be; `hive` gives it sessions of its own, too. */
  async writer(table: TableSpec, hive: HiveClient = this.hive): Promise<HiveInsertSink> {
    const sink = new HiveInsertSink({ spec: table, hive, encoder, clock: systemClock });
    await sink.open(never);
    return sink;
  }

  /** The offsets that a reader sees, ascending. */
  async offsets(table: TableSpec): Promise<number[]> {
    const sql = `SELECT kafka_offset AS o FROM ${table.database}.${table.name}`;
    const found = await this.hive.query(sql, never);
    return found.map(({ o }) => Number(o)).toSorted((a, b) => a - b);
  }

  /** How many table partitions are left in staging. */
  async staged(table: TableSpec): Promise<number> {
    const sql = `SHOW PARTITIONS ${table.database}.${table.name}_staging`;
    return (await this.hive.query(sql, never)).length;
  }

  close(): Promise<void> {
    return this.#database.dispose();
  }
}
