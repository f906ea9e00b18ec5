// hive-insert beside statements that go on without their client, and beside writers whose files meet in one name.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Connection } from '../../clients/hive/connection.ts';
import type { HiveClient } from '../../clients/hive/session.ts';
import { configSchema } from '../../params/schema.ts';
import { eventually } from '../support/eventually.ts';
import { never, openHive } from '../support/hive.ts';
import { batchOf, InsertTables, OF, range, rows } from '../support/insert-tables.ts';
import { stackEndpoints } from '../support/stack.ts';

let tables: InsertTables;
before(async () => {
  tables = await InsertTables.open();
});
after(() => tables.close());

/** Sends a statement in synchronous mode, which HiveServer2 finishes whatever becomes of its client, and drops the connection. */
async function sendAndVanish(sql: string): Promise<never> {
  const config = configSchema.parse({ hive: { ...stackEndpoints().hive } }).hive;
  const connection = await Connection.open(config, never);
  connection.session.executeStatement(sql, { runAsync: false }).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  connection.destroy();
  throw new Error('the client is gone');
}

/** A client that vanishes when it is about to send a statement that begins so. */
function vanishingAt(beginning: string): HiveClient {
  const client: Pick<HiveClient, 'execute' | 'query'> = {
    query: (sql, signal) => tables.hive.query(sql, signal),
    execute: (sql, signal, options) =>
      sql.startsWith(beginning) ? sendAndVanish(sql) : tables.hive.execute(sql, signal, options),
  };
  return client as HiveClient;
}

test('batches that are placed at once, with files of one name, are all there', async () => {
  const table = tables.table();
  const writers: { hive: HiveClient; place: () => Promise<void> }[] = [];
  for (const start of [0, 4, 8]) {
    const hive = await openHive();
    const sink = await tables.writer(table, hive);
    const { record } = await sink.stage(batchOf(start, rows(start, 4)), never);
    await sink.ledger.commit(record, never);
    writers.push({ hive, place: () => sink.place(record, never) });
  }
  try {
    await Promise.all(writers.map(({ place }) => place()));
    assert.deepEqual(await tables.offsets(table), range(0, 12));
  } finally {
    for (const { hive } of writers) await hive.close();
  }
});

test('a synchronous INSERT that ends after its client died and another writer was placed doubles nothing', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const dying = await tables.writer(table, vanishingAt('INSERT'));
  await assert.rejects(dying.stage(batchOf(0, rows(0, 5)), never), /the client is gone/);
  const { record } = await sink.stage(batchOf(0, rows(0, 3)), never);
  await sink.place(await sink.ledger.commit(record, never), never);
  assert.deepEqual(await tables.offsets(table), range(0, 3));
  // The other one comes to an end by itself, before or after the sweep that went with the placing.
  await eventually(async () => {
    await sink.sweep(OF, 3n, never);
    assert.equal(await tables.staged(table), 0);
  });
  assert.deepEqual(await tables.offsets(table), range(0, 3));
});

test('a synchronous LOAD DATA that goes on beside the one of another writer doubles nothing', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const dying = await tables.writer(table, vanishingAt('LOAD'));
  const { record } = await dying.stage(
    batchOf(0, [...rows(0, 3), ...rows(3, 3, '2026-11-22')]),
    never,
  );
  await dying.ledger.commit(record, never);
  await assert.rejects(dying.place(record, never), /the client is gone/);
  await sink.place(record, never);
  assert.deepEqual(await tables.offsets(table), range(0, 6));
  await sink.place(record, never);
  assert.deepEqual(await tables.offsets(table), range(0, 6));
});

test('late staging of starts that were decided is swept, what is undecided stays', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  await sink.stage(batchOf(0, rows(0, 1)), never);
  await sink.stage(batchOf(4, rows(4, 1)), never);
  await sink.sweep(OF, 4n, never);
  assert.equal(await tables.staged(table), 1);
  await sink.sweep({ ...OF, partition: OF.partition + 1 }, 9n, never);
  assert.equal(await tables.staged(table), 1);
});
