// The sink hive-insert and its ledger against the real HiveServer2, with nothing but its port.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { HiveClient } from '../../clients/hive/session.ts';
import { HiveInsertSink, type ValueEncoder } from '../../consumer/sinks/hive-insert.ts';
import type { RowValues } from '../../consumer/sinks/insert-statement.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import type { Column, TableSpec } from '../../pipeline/table.ts';
import { createDatabase, type HiveDatabase, never, openHive } from '../support/hive.ts';
import { uniqueName } from '../support/stack.ts';

let own: HiveDatabase;
before(async () => {
  own = await createDatabase('inserts');
});
after(() => own.dispose());

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

const OF = { topic: 'posts.v-1_x', partition: 3 };

/** A value is JSON: the values of the table's own columns, or `skip`, or `reject`; `day` is where the row goes. */
const encoder: ValueEncoder = {
  async encodeRows({ range, records }) {
    const groups = new Map<string, RowValues[]>();
    const rejects = [];
    let skipped = 0;
    for (const record of records) {
      const value: { day: string; row: RowValues } | 'skip' | 'reject' = JSON.parse(
        String(record.value),
      );
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

type Value = { day: string; row: RowValues } | 'skip' | 'reject';

function batch(start: number, values: readonly Value[]): Batch {
  const records = values.map((value, at) => ({
    offset: BigInt(start + at),
    timestamp: 1_795_255_200_000,
    key: null,
    value: Buffer.from(JSON.stringify(value)),
    headers: undefined,
  }));
  return { range: { ...OF, start: BigInt(start), end: BigInt(start + values.length) }, records };
}

const row = (id: string, changes: RowValues = []): RowValues => {
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
const rows = (start: number, count: number, day = '2026-11-21'): Value[] =>
  Array.from({ length: count }, (_, at) => ({ day, row: row(`r${start + at}`) }));

function spec(): TableSpec {
  return {
    database: own.database,
    name: uniqueName('t').toLowerCase(),
    columns: COLUMNS,
    dayFrom: 'kafka_timestamp',
    format: 'parquet',
    location: undefined,
  };
}

async function openSink(table: TableSpec, hive: HiveClient = own.hive): Promise<HiveInsertSink> {
  const sink = new HiveInsertSink({ spec: table, hive, encoder, clock: systemClock });
  await sink.open(never);
  return sink;
}

async function offsets(table: TableSpec): Promise<number[]> {
  const sql = `SELECT kafka_offset AS o FROM ${table.database}.${table.name}`;
  const found = await own.hive.query(sql, never);
  return found.map(({ o }) => Number(o)).toSorted((a, b) => a - b);
}

async function stagedPartitions(table: TableSpec): Promise<number> {
  const sql = `SHOW PARTITIONS ${table.database}.${table.name}_staging`;
  return (await own.hive.query(sql, never)).length;
}

async function deliver(sink: HiveInsertSink, of: Batch): Promise<BatchRecord> {
  const { record } = await sink.stage(of, never);
  const standing = await sink.ledger.commit(record, never);
  await sink.place(standing, never);
  return standing;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

test('rows go through staging and ledger into the table, every type as it was sent', async () => {
  const table = spec();
  const sink = await openSink(table);
  const values: Value[] = [
    { day: '2026-11-21', row: row(`it's "x" \\ \n \0 \${env:PATH} 😀 שלום`) },
    { day: '2026-11-21', row: row('', ['', '9223372036854775807', 'NaN', 'false', []]) },
    {
      day: '2026-11-21',
      row: row('x', ['x', '-9223372036854775808', '-Infinity', null, ['a', null, '']]),
    },
    { day: '2026-11-20', row: [null, null, null, null, null, null, null] },
    { day: 'unknown', row: row('y', ['y', '9007199254740993', '1e+300']) },
    'skip',
    'reject',
  ];
  const { record, rejects } = await sink.stage(batch(100, values), never);
  assert.deepEqual(await offsets(table), [], 'staged rows are not seen');
  assert.equal(rejects.length, 1);
  assert.equal(await sink.ledger.commit(record, never), record);
  await sink.place(record, never);
  // Sorted here: with ORDER BY, Hive's vectorized Parquet reader shows an empty array as NULL.
  const all = await own.hive.query(`SELECT * FROM ${table.database}.${table.name}`, never);
  const found = all.toSorted((a, b) => Number(a['kafka_offset']) - Number(b['kafka_offset']));
  const kafka = (offset: number) => ({
    ...{ kafka_topic: OF.topic, kafka_partition: OF.partition, kafka_offset: BigInt(offset) },
    kafka_timestamp: '2026-11-21 10:00:00',
  });
  const rest = { tags: '["a","b"]', made: '2026-11-21 10:11:12.345', on_day: '2026-11-21' };
  const nothing = {
    id: null,
    n: null,
    ratio: null,
    yes: null,
    tags: null,
    made: null,
    on_day: null,
  };
  const dt = '2026-11-21';
  assert.deepEqual(found, [
    {
      ...kafka(100),
      ...rest,
      id: `it's "x" \\ \n \0 \${env:PATH} 😀 שלום`,
      n: 7n,
      ratio: 1.5,
      yes: true,
      dt,
    },
    {
      ...kafka(101),
      ...rest,
      id: '',
      n: 9223372036854775807n,
      ratio: Number.NaN,
      yes: false,
      tags: '[]',
      dt,
    },
    {
      ...{ ...kafka(102), ...rest, id: 'x', n: -9223372036854775808n, ratio: -Infinity, yes: null },
      ...{ tags: '["a",null,""]', dt },
    },
    { ...kafka(103), ...nothing, dt: '2026-11-20' },
    {
      ...kafka(104),
      ...rest,
      id: 'y',
      n: 9007199254740993n,
      ratio: 1e300,
      yes: true,
      dt: 'unknown',
    },
  ]);
  assert.equal(await stagedPartitions(table), 0);
});

test('the entry says everything of its batch, to any process', async () => {
  const table = spec();
  const sink = await openSink(table);
  const { record } = await sink.stage(batch(0, [...rows(0, 3), 'skip', 'reject']), never);
  await sink.ledger.commit(record, never);
  const other = await openSink(table);
  assert.deepEqual(await other.ledger.read(OF, 0n, never), record);
  assert.deepEqual(
    [record.rows, record.skipped, record.deadLetters, record.end, record.last?.offset],
    [3, 1, 1, 5n, 4n],
  );
  assert.equal(await other.ledger.read(OF, 1n, never), undefined);
  assert.equal(await other.ledger.read({ ...OF, partition: 4 }, 0n, never), undefined);
});

test('a batch without rows gets its entry, and placing it does nothing', async () => {
  const table = spec();
  const sink = await openSink(table);
  const standing = await deliver(sink, batch(0, ['reject', 'skip', 'reject']));
  assert.deepEqual([standing.rows, standing.deadLetters, standing.skipped], [0, 2, 1]);
  assert.deepEqual(await sink.ledger.read(OF, 0n, never), standing);
  assert.deepEqual(await offsets(table), []);
});

test('placing again, by anybody, adds nothing', async () => {
  const table = spec();
  const sink = await openSink(table);
  const standing = await deliver(sink, batch(0, [...rows(0, 4), ...rows(4, 3, '2026-11-22')]));
  const other = await openSink(table);
  for (const again of [sink, other, sink]) await again.place(standing, never);
  assert.deepEqual(await offsets(table), range(0, 7));
});

test('of many writers of one batch exactly one wins, all learn who, and the rows are there once', async () => {
  const table = spec();
  const sinks = await Promise.all(
    range(0, 3).map(async () => {
      const hive = await openHive();
      return { hive, sink: await openSink(table, hive) };
    }),
  );
  try {
    const staged = await Promise.all(
      sinks.map(({ sink }, at) => sink.stage(batch(0, rows(0, 3 + at)), never)),
    );
    const standing = await Promise.all(
      sinks.map(({ sink }, at) => {
        const record = staged[at]?.record;
        assert.ok(record);
        return sink.ledger.commit(record, never);
      }),
    );
    assert.equal(new Set(standing.map(({ attempt }) => attempt)).size, 1);
    const winners = staged.filter(({ record }) => record.attempt === standing[0]?.attempt);
    assert.equal(winners.length, 1);
    await Promise.all(
      sinks.map(({ sink }, at) => sink.place(standing[at] ?? assert.fail(), never)),
    );
    assert.deepEqual(await offsets(table), range(0, winners[0]?.record.rows ?? 0));
    assert.equal(await stagedPartitions(table), 0);
  } finally {
    await Promise.all(sinks.map(({ hive }) => hive.close()));
  }
});

test('a process that died after the commit is finished by the next one that opens the sink', async () => {
  const table = spec();
  const sink = await openSink(table);
  const { record } = await sink.stage(batch(0, rows(0, 5)), never);
  await sink.ledger.commit(record, never);
  const undecided = await sink.stage(batch(5, rows(5, 2)), never);
  await openSink(table);
  assert.deepEqual(await offsets(table), range(0, 5));
  assert.equal(await stagedPartitions(table), 1, 'what is undecided stays');
  await sink.ledger.commit(undecided.record, never);
  await sink.place(undecided.record, never);
  assert.deepEqual(await offsets(table), range(0, 7));
});

test('placing goes on where a process died between two files, and after the last one', async () => {
  const table = spec();
  const sink = await openSink(table);
  const { record } = await sink.stage(
    batch(0, [...rows(0, 2), ...rows(2, 2, '2026-11-22'), ...rows(4, 2, '2026-11-23')]),
    never,
  );
  await sink.ledger.commit(record, never);
  // What `place` does, up to where the process dies.
  await own.hive.execute(
    `ALTER TABLE ${table.database}.${table.name} ADD PARTITION (dt='2026-11-21')`,
    never,
  );
  const described = await own.hive.query(
    `DESCRIBE FORMATTED ${table.database}.${table.name}_staging`,
    never,
  );
  const location = described.find((line) => String(line['col_name']).startsWith('Location'))?.[
    'data_type'
  ];
  const first = `${String(location).trim()}/staged_topic=${OF.topic}/staged_partition=${OF.partition}/staged_start=0/staged_attempt=${record.attempt}/dt=2026-11-21`;
  await own.hive.execute(
    `LOAD DATA INPATH '${first}' INTO TABLE ${table.database}.${table.name} PARTITION (dt='2026-11-21')`,
    never,
  );
  assert.deepEqual(await offsets(table), range(0, 2));
  await sink.place(record, never);
  assert.deepEqual(await offsets(table), range(0, 6));
});

test('rows that vanished from staging before they were placed are reported, never passed over', async () => {
  const table = spec();
  const sink = await openSink(table);
  const { record } = await sink.stage(batch(0, rows(0, 2)), never);
  await sink.ledger.commit(record, never);
  await own.hive.execute(
    `ALTER TABLE ${table.database}.${table.name}_staging DROP PARTITION (staged_start='0')`,
    never,
  );
  await assert.rejects(sink.place(record, never), {
    code: 'POSITION_CORRUPT',
    message: /posts\.v-1_x-3 \[0, 2\)/,
  });
});

test('the first position is decided once and found by all', async () => {
  const table = spec();
  const sink = await openSink(table);
  assert.equal(await sink.ledger.readOrigin(OF, never), undefined);
  const wished = [5n, 9n, 0n];
  const decided = await Promise.all(wished.map((wish) => sink.ledger.origin(OF, wish, never)));
  assert.equal(new Set(decided).size, 1);
  assert.ok(wished.includes(decided[0] ?? -1n));
  assert.equal(await sink.ledger.readOrigin(OF, never), decided[0]);
  await sink.ledger.origin({ topic: 'other', partition: 0 }, 0n, never);
  const found = await sink.ledger.partitions(never);
  assert.deepEqual(
    found.toSorted((a, b) => a.topic.localeCompare(b.topic)),
    [{ topic: 'other', partition: 0 }, OF],
  );
});

test('skipped and lost ranges are entries too, and committing again gives what stands', async () => {
  const sink = await openSink(spec());
  const entry: BatchRecord = {
    ...{ ...OF, start: 10n, end: 9_007_199_254_740_993n, kind: 'lost', attempt: randomUUID() },
    ...{ files: [], rows: 0, deadLetters: 0, skipped: 0, last: undefined, at: 1 },
  };
  assert.deepEqual(await sink.ledger.commit(entry, never), entry);
  assert.deepEqual(await sink.ledger.commit(entry, never), entry);
  const late = { ...entry, kind: 'skip' as const, end: 11n, attempt: randomUUID() };
  assert.deepEqual(await sink.ledger.commit(late, never), entry);
  await sink.place(entry, never);
});

test('a ledger entry that somebody changed is refused', async () => {
  const table = spec();
  const sink = await openSink(table);
  const standing = await deliver(sink, batch(0, ['skip']));
  await own.hive.execute(
    `ALTER TABLE ${table.database}.${table.name}_ledger PARTITION (topic='${OF.topic}', part=3, start_offset='0') SET LOCATION 'hdfs:///tmp/x'`,
    never,
  );
  await assert.rejects(sink.ledger.read(OF, standing.start, never), { code: 'POSITION_CORRUPT' });
});

test('a batch over forty days, and one that needs several statements', async () => {
  const table = spec();
  const sink = await openSink(table);
  const days = range(0, 40).map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
  await deliver(
    sink,
    batch(
      0,
      days.flatMap((day, at) => rows(at, 1, day)),
    ),
  );
  assert.deepEqual(await offsets(table), range(0, 40));
  // More than half a statement each, see STATEMENT_BYTES_MAX.
  const long = 'x'.repeat(1_600_000);
  const wide = range(0, 3).map((at): Value => ({ day: '2026-11-21', row: row(`${at}${long}`) }));
  await deliver(sink, batch(40, wide));
  assert.deepEqual(await offsets(table), range(0, 43));
});
