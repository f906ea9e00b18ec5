// The ledger of hive-insert against the real HiveServer2: entries and first positions in the metastore.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { BatchRecord, Ledger } from '../../pipeline/ledger.ts';
import { rollUpContract } from '../contract/roll-up.contract.ts';
import { never } from '../support/hive.ts';
import { batchOf, deliverTo, InsertTables, OF, rows } from '../support/insert-tables.ts';

let tables: InsertTables;
before(async () => {
  tables = await InsertTables.open();
});
after(() => tables.close());

rollUpContract('the ledger in the metastore', async () => {
  const made = await InsertTables.open();
  const table = made.table();
  const ledgers: Ledger[] = [];
  for (let count = 0; count < 3; count += 1) ledgers.push((await made.writer(table)).ledger);
  let calls = 0;
  return {
    writer: () => ledgers[calls++ % ledgers.length] ?? assert.fail(),
    close: () => made.close(),
  };
});

test('the entry says everything of its batch, to any process', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const { record } = await sink.stage(batchOf(0, [...rows(0, 3), 'skip', 'reject']), never);
  await sink.ledger.commit(record, never);
  const other = await tables.writer(table);
  assert.deepEqual(await other.ledger.read(OF, 0n, never), record);
  assert.deepEqual(
    [record.rows, record.skipped, record.deadLetters, record.end, record.last?.offset],
    [3, 1, 1, 5n, 4n],
  );
  assert.equal(await other.ledger.read(OF, 1n, never), undefined);
  assert.equal(await other.ledger.read({ ...OF, partition: 4 }, 0n, never), undefined);
});

test('the first position is decided once and found by all', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
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
  const sink = await tables.writer(tables.table());
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
  const table = tables.table();
  const sink = await tables.writer(table);
  const standing = await deliverTo(sink, batchOf(0, ['skip']));
  await tables.hive.execute(
    `ALTER TABLE ${table.database}.${table.name}_ledger PARTITION (topic='${OF.topic}', part=3, start_offset='0') SET LOCATION 'hdfs:///tmp/x'`,
    never,
  );
  await assert.rejects(sink.ledger.read(OF, standing.start, never), { code: 'POSITION_CORRUPT' });
});
