// The sink hive-insert against the real HiveServer2, with nothing but its port: what arrives, and how often.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { never, openHive } from '../support/hive.ts';
import {
  batchOf,
  deliverTo,
  InsertTables,
  OF,
  range,
  row,
  rows,
  type Value,
} from '../support/insert-tables.ts';

let tables: InsertTables;
before(async () => {
  tables = await InsertTables.open();
});
after(() => tables.close());

test('rows go through staging and ledger into the table, every type as it was sent', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
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
  const { record, rejects } = await sink.stage(batchOf(100, values), never);
  assert.deepEqual(await tables.offsets(table), [], 'staged rows are not seen');
  assert.equal(rejects.length, 1);
  assert.equal(await sink.ledger.commit(record, never), record);
  await sink.place(record, never);
  // Sorted here: with ORDER BY, Hive's vectorized Parquet reader shows an empty array as NULL.
  const all = await tables.hive.query(`SELECT * FROM ${table.database}.${table.name}`, never);
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
  assert.equal(await tables.staged(table), 0);
});

test('a batch without rows gets its entry, and placing it does nothing', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const standing = await deliverTo(sink, batchOf(0, ['reject', 'skip', 'reject']));
  assert.deepEqual([standing.rows, standing.deadLetters, standing.skipped], [0, 2, 1]);
  assert.deepEqual(await sink.ledger.read(OF, 0n, never), standing);
  assert.deepEqual(await tables.offsets(table), []);
});

test('placing again, by anybody, adds nothing', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const standing = await deliverTo(sink, batchOf(0, [...rows(0, 4), ...rows(4, 3, '2026-11-22')]));
  const other = await tables.writer(table);
  for (const again of [sink, other, sink]) await again.place(standing, never);
  assert.deepEqual(await tables.offsets(table), range(0, 7));
});

test('of many writers of one batch exactly one wins, all learn who, and the rows are there once', async () => {
  const table = tables.table();
  const sinks = await Promise.all(
    range(0, 3).map(async () => {
      const hive = await openHive();
      return { hive, sink: await tables.writer(table, hive) };
    }),
  );
  try {
    const staged = await Promise.all(
      sinks.map(({ sink }, at) => sink.stage(batchOf(0, rows(0, 3 + at)), never)),
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
    assert.deepEqual(await tables.offsets(table), range(0, winners[0]?.record.rows ?? 0));
    assert.equal(await tables.staged(table), 0);
  } finally {
    await Promise.all(sinks.map(({ hive }) => hive.close()));
  }
});

test('a batch over 52 days keeps the order of its rows in every file, and one may need several statements', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  // More days than one statement takes.
  const days = range(0, 52).map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
  const values = [...days, ...days].flatMap((day, at) => rows(at, 1, day));
  await deliverTo(sink, batchOf(0, values));
  const found = await tables.hive.query(
    `SELECT INPUT__FILE__NAME AS f, kafka_offset AS o FROM ${table.database}.${table.name}`,
    never,
  );
  const files = new Map<string, typeof found>();
  for (const one of found) {
    files.set(String(one['f']), [...(files.get(String(one['f'])) ?? []), one]);
  }
  assert.equal(files.size, 52);
  for (const [first, second] of files.values()) {
    assert.equal(Number(second?.['o']), Number(first?.['o']) + 52);
  }
  // More than half a statement each, see STATEMENT_BYTES_MAX.
  const long = 'x'.repeat(1_600_000);
  const wide = range(0, 3).map((at): Value => ({ day: '2026-11-21', row: row(`${at}${long}`) }));
  await deliverTo(sink, batchOf(104, wide));
  assert.deepEqual(await tables.offsets(table), range(0, 107));
});
