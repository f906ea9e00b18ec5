// Tables brought into shape on the real HiveServer2.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { describeTable } from '../../clients/hive/describe.ts';
import { openHiveTable } from '../../consumer/sinks/hive-table.ts';
import { type Column, POST_COLUMNS, type TableSpec } from '../../pipeline/table.ts';
import { createDatabase, type HiveDatabase, never, openHive } from '../support/hive.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

let own: HiveDatabase;
before(async () => {
  own = await createDatabase('tables');
});
after(() => own.dispose());

const column = (name: string, type: Column['type'] = 'string'): Column => ({
  name,
  type,
  path: name,
});

function spec(changes: Partial<TableSpec> = {}): TableSpec {
  return {
    database: own.database,
    name: uniqueName('t').toLowerCase(),
    columns: POST_COLUMNS,
    dayFrom: 'kafka_timestamp',
    format: 'parquet',
    location: undefined,
    ...changes,
  };
}

const open = (table: TableSpec, ledger: 'files' | 'metastore' = 'files') =>
  openHiveTable(own.hive, table, never, ledger);

for (const format of ['parquet', 'json', 'json-gzip'] as const) {
  test(`a missing ${format} table is created and opens again as it is`, async () => {
    const table = spec({ format });
    const { location } = await open(table);
    assert.match(location, /^hdfs:.*[^/]$/);
    assert.equal((await open(table)).location, location);
    const found = await describeTable(own.hive, table, never);
    assert.deepEqual(
      found?.columns.map(({ name, type }) => `${name} ${type}`),
      [
        ...['kafka_topic string', 'kafka_partition int', 'kafka_offset bigint'],
        ...['kafka_timestamp timestamp', 'id string', 'author string', 'text string'],
        ...['hashtags array<string>', 'lang string', 'created_at timestamp', 'source string'],
        ...['url string', 'value string'],
      ],
    );
    assert.deepEqual(found?.partitionColumns, [{ name: 'dt', type: 'string' }]);
    assert.equal(found?.facts.get('Table Type'), 'EXTERNAL_TABLE');
  });
}

test('a missing database is created, and many processes may open a table at once', async () => {
  const database = uniqueName('fresh').toLowerCase();
  const table = spec({ database });
  const clients = await Promise.all([openHive(), openHive(), openHive()]);
  try {
    const opened = await Promise.all(clients.map((hive) => openHiveTable(hive, table, never)));
    assert.equal(new Set(opened.map(({ location }) => location)).size, 1);
  } finally {
    await own.hive.execute(`DROP DATABASE ${database} CASCADE`, never);
    await Promise.all(clients.map((hive) => hive.close()));
  }
});

test('the location of the spec is taken, and another one is refused', async () => {
  const location = `${stackEndpoints().hdfs.uri}/tmp/${uniqueName('place')}`;
  const table = spec({ location });
  assert.equal((await open(table)).location, location);
  assert.equal((await open({ ...table, location: `${location}/` })).location, location);
  await assert.rejects(open({ ...table, location: `${location}x` }), {
    code: 'HIVE_TABLE_MISMATCH',
    message: new RegExp(`${location}.*${location}x`),
  });
});

test('reserved words and upper case work as column names', async () => {
  const columns = ['select', 'Order', 'timestamp', 'table', 'user'].map((name) => column(name));
  const table = spec({ columns });
  await open(table);
  await open(table);
  const found = await describeTable(own.hive, table, never);
  assert.deepEqual(
    found?.columns.slice(4).map(({ name }) => name),
    [...['select', 'order', 'timestamp', 'table', 'user']],
  );
});

test('missing columns are added, by several processes at once, and read in old table partitions', async () => {
  const table = spec({ columns: [column('id')] });
  const { addDay } = await open(table);
  await addDay('2026-11-20', never);
  const name = `${table.database}.${table.name}`;
  const wider = {
    ...table,
    columns: [column('id'), column('n', 'bigint'), column('tags', 'array<string>')],
  };
  await Promise.all([open(wider), open(wider), open(wider)]);
  await own.hive.execute(
    `INSERT INTO ${name} PARTITION (dt='2026-11-20') (id, n, tags) VALUES ('a', 7, array('x'))`,
    never,
  );
  const rows = await own.hive.query(`SELECT id, n, tags FROM ${name}`, never);
  assert.deepEqual(rows, [{ id: 'a', n: 7n, tags: '["x"]' }]);
  // Whoever knows fewer columns goes on with the table as it is.
  await open(table);
});

test('a JSON table takes new columns too', async () => {
  const table = spec({ columns: [column('id')], format: 'json' });
  await open(table);
  await open({ ...table, columns: [column('id'), column('n', 'bigint')] });
  const found = await describeTable(own.hive, table, never);
  assert.deepEqual(found?.columns.at(-1), { name: 'n', type: 'bigint' });
});

async function refuses(
  create: string,
  message: RegExp,
  changes: Partial<TableSpec> = {},
  settings: Record<string, string> = {},
) {
  const table = spec({ columns: [column('id')], ...changes });
  const sql = create.replaceAll('$T', `${table.database}.${table.name}`);
  await own.hive.execute(sql, never, { settings });
  await assert.rejects(open(table), (error: Error & { code?: string; hint?: string }) => {
    assert.equal(error.code, 'HIVE_TABLE_MISMATCH');
    assert.match(error.message, message);
    assert.match(error.message, new RegExp(`${table.database}\\.${table.name}`));
    assert.ok(error.hint);
    return true;
  });
}

const KAFKA =
  'kafka_topic string, kafka_partition int, kafka_offset bigint, kafka_timestamp timestamp';

test('a view is refused', async () => {
  await refuses('CREATE VIEW $T AS SELECT 1 AS id', /VIRTUAL_VIEW/);
});

test('a transactional table is refused', async () => {
  await refuses(
    `CREATE TABLE $T (${KAFKA}, id string) PARTITIONED BY (dt string) STORED AS ORC TBLPROPERTIES ('transactional'='true')`,
    /transactional/,
    {},
    {
      'hive.support.concurrency': 'true',
      'hive.txn.manager': 'org.apache.hadoop.hive.ql.lockmgr.DbTxnManager',
    },
  );
});

test('a column of another type is refused with both types', async () => {
  await refuses(
    `CREATE EXTERNAL TABLE $T (${KAFKA}, id int) PARTITIONED BY (dt string) STORED AS PARQUET`,
    /column id as int, but string/,
  );
});

test('a table of another format is refused', async () => {
  await refuses(
    `CREATE EXTERNAL TABLE $T (${KAFKA}, id string) PARTITIONED BY (dt string) STORED AS ORC`,
    /OrcSerde.*parquet/,
  );
  await refuses(
    `CREATE EXTERNAL TABLE $T (${KAFKA}, id string) PARTITIONED BY (dt string) STORED AS PARQUET`,
    /ParquetHiveSerDe.*json/,
    { format: 'json-gzip' },
  );
});

test('a table that is not divided by dt is refused', async () => {
  await refuses(
    `CREATE EXTERNAL TABLE $T (${KAFKA}, id string) STORED AS PARQUET`,
    /partitioned by nothing/,
  );
  await refuses(
    `CREATE EXTERNAL TABLE $T (${KAFKA}, id string) PARTITIONED BY (dt string, hour int) STORED AS PARQUET`,
    /partitioned by `dt` string, `hour` int/,
  );
});

test('a table keeps its kind of ledger: the other sink is refused', async () => {
  const table = spec();
  await open(table, 'metastore');
  await open(table, 'metastore');
  await assert.rejects(open(table, 'files'), {
    code: 'HIVE_TABLE_MISMATCH',
    message: /hive-insert/,
  });
});

test('F09: a day is registered once, whoever else registers it, and an aborted attempt is not remembered', async () => {
  const table = spec();
  const [one, other] = [await open(table), await open(table)];
  const aborted = AbortSignal.abort(new Error('stop'));
  await assert.rejects(one.addDay('2026-11-21', aborted), /stop/);
  await Promise.all([
    ...[one, other, one, other].map(({ addDay }) => addDay('2026-11-21', never)),
    one.addDay('unknown', never),
  ]);
  const rows = await own.hive.query(`SHOW PARTITIONS ${table.database}.${table.name}`, never);
  assert.deepEqual(rows.map((row) => Object.values(row)[0]).toSorted(), [
    'dt=2026-11-21',
    'dt=unknown',
  ]);
});
