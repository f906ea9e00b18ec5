// The client against the real HiveServer2: values, refusals, cut connections, aborts and time-outs.
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import hiveSession from 'hive-driver/dist/HiveSession.js';
import { Stopping } from '../../pipeline/errors.ts';
import { eventually } from '../support/eventually.ts';
import { createDatabase, type HiveDatabase, never, openHive } from '../support/hive.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const HiveSession = hiveSession.default;

let own: HiveDatabase;
before(async () => {
  own = await createDatabase('client');
});
after(() => own.dispose());

/** A way to the real server that can be cut or held. */
async function openProxy() {
  const { host, port } = stackEndpoints().hive;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((client) => {
    const upstream = connect(port, host);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    client.pipe(upstream).pipe(client);
    for (const end of pair) {
      end.on('error', () => {});
      end.on('close', () => {
        for (const other of pair) other.destroy();
        pairs.delete(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    cut() {
      for (const pair of pairs) for (const end of pair) end.destroy();
    },
    /** Nothing comes back any more, and nobody is told. */
    hold() {
      for (const [client, upstream] of pairs) upstream.unpipe(client).pause();
    },
    close() {
      this.cut();
      server.close();
    },
  };
}

// A statement that lasts without any load: the server sleeps over each of 60 rows.
const lasting = (columns: string) =>
  `SELECT ${columns} FROM (SELECT posexplode(split(space(60), ' ')) AS (pos, v)) many
   WHERE java_method('java.lang.Thread', 'sleep', cast(500 + pos as bigint)) IS NULL`;

const slowInsert = (table: string) => `INSERT INTO ${table} ${lasting('pos, v')}`;

test('every type comes back as it is, BIGINT with all digits', async () => {
  const [row] = await own.hive.query(
    `SELECT cast(9007199254740993 as bigint) AS big, cast(-9223372036854775808 as bigint) AS least, 7 AS small,
      1.5D AS ratio, cast('NaN' as double) AS nan, true AS yes, 'é😀' AS body, cast(null as string) AS nothing,
      '' AS empty, array('a', null) AS tags, timestamp '2026-11-21 10:11:12.345' AS at_time, date '2026-11-21' AS on_day`,
    never,
  );
  assert.deepEqual(row, {
    ...{
      big: 9007199254740993n,
      least: -9223372036854775808n,
      small: 7,
      ratio: 1.5,
      nan: Number.NaN,
    },
    ...{ yes: true, body: 'é😀', nothing: null, empty: '', tags: '["a",null]' },
    ...{ at_time: '2026-11-21 10:11:12.345', on_day: '2026-11-21' },
  });
});

test('a result longer than one fetch comes back whole and in order', async () => {
  const sql = `SELECT pos AS n FROM (SELECT posexplode(split(space(2500), ' ')) AS (pos, v)) many`;
  const rows = await own.hive.query(sql, never);
  assert.deepEqual(
    rows.map((row) => row['n']),
    Array.from({ length: 2501 }, (_, index) => index),
  );
});

test('a refused statement carries the words of the server and the client goes on', async () => {
  const refused = own.hive.query(`SELECT * FROM ${own.database}.no_such_table`, never);
  await assert.rejects(refused, { code: 'HIVE_REJECTED', message: /no_such_table/ });
  await assert.rejects(own.hive.execute('SELEC 1', never), {
    code: 'HIVE_REJECTED',
    message: /ParseException/,
  });
  const failing = own.hive.query(`SELECT assert_true(1 = 2)`, never);
  await assert.rejects(failing, { message: /assert_true|ASSERT_TRUE/i });
  assert.deepEqual(await own.hive.query('SELECT 1 AS one', never), [{ one: 1 }]);
});

test('what a statement says of record values stays out of its error', async () => {
  const refused = own.hive.execute(`SELECT 'canary-value' 'x' y z`, never, { carriesValues: true });
  await assert.rejects(refused, (error: Error) => {
    assert.match(error.message, /ParseException/);
    assert.doesNotMatch(error.message, /canary/);
    return true;
  });
});

test('settings given with a statement hold for it alone', async () => {
  const name = 'hive.exec.max.dynamic.partitions';
  // Outside quoteString the server substitutes its settings.
  const ask = (settings: Record<string, string>) =>
    own.hive.query(`SELECT '\${hiveconf:${name}}' AS setting`, never, { settings });
  assert.deepEqual(await ask({ [name]: '4711' }), [{ setting: '4711' }]);
  assert.notDeepEqual(await ask({}), [{ setting: '4711' }]);
});

test('more statements than sessions run at once and all give their answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) => own.hive.query(`SELECT ${n} AS n`, never)),
  );
  assert.deepEqual(
    answers.flat().map((row) => row['n']),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test('a server that has forgotten all idle sessions is asked in a new one', async (context) => {
  const hive = await openHive();
  context.after(() => hive.close());
  const sessions = 4;
  const ask = (n: number) => hive.query(`SELECT ${n} AS n`, never);
  await Promise.all(Array.from({ length: sessions }, (_, n) => ask(n)));
  let forgotten = 0;
  const original = HiveSession.prototype.executeStatement;
  context.mock.method(
    HiveSession.prototype,
    'executeStatement',
    async function (
      this: InstanceType<typeof HiveSession>,
      ...statement: Parameters<typeof original>
    ) {
      if (forgotten < sessions) {
        forgotten += 1;
        await this.close();
      }
      return original.apply(this, statement);
    },
  );
  assert.deepEqual(await ask(7), [{ n: 7 }]);
  assert.equal(forgotten, sessions);
});

async function table(): Promise<string> {
  const name = `${own.database}.${uniqueName('t').toLowerCase()}`;
  await own.hive.execute(
    `CREATE EXTERNAL TABLE ${name} (n int, body string) STORED AS PARQUET`,
    never,
  );
  return name;
}

test('a connection cut in the middle of a statement is HIVE_UNAVAILABLE, and the next statement connects anew', async () => {
  const proxy = await openProxy();
  const hive = await openHive({ host: '127.0.0.1', port: proxy.port });
  try {
    const running = hive.query(lasting('count(*)'), never);
    running.catch(() => {});
    // Another session: once its answer is here, the first statement has long been sent.
    await hive.query('SELECT 1', never);
    proxy.cut();
    await assert.rejects(running, {
      code: 'HIVE_UNAVAILABLE',
      message: /closed the connection|No connection/,
    });
    // The other session may not yet know that it is cut: then this is HIVE_UNAVAILABLE too, and may be repeated.
    const rows = await eventually(() => hive.query('SELECT 2 AS two', never));
    assert.deepEqual(rows, [{ two: 2 }]);
  } finally {
    await hive.close();
    proxy.close();
  }
});

test('a server that falls silent in the middle of a statement is given up after statementTimeoutMs', async () => {
  const proxy = await openProxy();
  const hive = await openHive({ host: '127.0.0.1', port: proxy.port, statementTimeoutMs: 1500 });
  try {
    proxy.hold();
    await assert.rejects(hive.query('SELECT 1', never), {
      code: 'HIVE_UNAVAILABLE',
      message: /no answer/,
    });
  } finally {
    await hive.close();
    proxy.close();
  }
});

test('an abort ends the wait at once with its own reason, and the INSERT under way has written no row', async () => {
  const hive = await openHive();
  const target = await table();
  const controller = new AbortController();
  const reason = new Stopping('test');
  try {
    const running = hive.execute(slowInsert(target), controller.signal);
    setTimeout(() => controller.abort(reason), 1000);
    const began = performance.now();
    await assert.rejects(running, reason);
    assert.ok(performance.now() - began < 3000);
    const [row] = await hive.query(`SELECT count(*) AS n FROM ${target}`, never);
    assert.equal(row?.['n'], 0n);
  } finally {
    await hive.close();
  }
});

test('a statement that runs longer than allowed ends with HIVE_UNAVAILABLE', async () => {
  const hive = await openHive({ statementTimeoutMs: 1000 });
  try {
    await assert.rejects(hive.execute(slowInsert(await table()), never), {
      code: 'HIVE_UNAVAILABLE',
    });
  } finally {
    await hive.close();
  }
});

test('close ends the sessions and lets the process go', async () => {
  const proxy = await openProxy();
  const hive = await openHive({ host: '127.0.0.1', port: proxy.port });
  await hive.query('SELECT 1', never);
  await hive.close();
  await eventually(() => assert.equal(proxy.connections, 0));
  proxy.close();
});

test('sessions that alter one table at the same moment do not fail each other', async (context) => {
  const table = `${own.database}.raced`;
  await own.hive.execute(`CREATE TABLE ${table} (n int) PARTITIONED BY (p int, q int)`, never);
  const parts = Array.from({ length: 6 }, (_, index) => index);
  for (const p of parts) {
    const clauses = parts.map((q) => `PARTITION (p=${p}, q=${q})`).join(' ');
    await own.hive.execute(`ALTER TABLE ${table} ADD ${clauses}`, never);
  }
  const others = await Promise.all([openHive(), openHive()]);
  context.after(() => Promise.all(others.map((hive) => hive.close())));
  for (const p of parts) {
    const drop = `ALTER TABLE ${table} DROP IF EXISTS PARTITION (p=${p})`;
    const drops = others.flatMap((hive) => [hive.execute(drop, never), hive.execute(drop, never)]);
    const outcomes = await Promise.allSettled(drops);
    assert.deepEqual(
      outcomes.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : [])),
      [],
    );
  }
  assert.deepEqual(await own.hive.query(`SHOW PARTITIONS ${table}`, never), []);
});
