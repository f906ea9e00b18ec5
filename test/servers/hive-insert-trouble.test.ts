// The sink hive-insert after a process died, or somebody removed what it had staged.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { statementError } from '../../clients/hive/errors.ts';
import { never, openHive } from '../support/hive.ts';
import { batchOf, deliverTo, InsertTables, OF, range, rows } from '../support/insert-tables.ts';

let tables: InsertTables;
before(async () => {
  tables = await InsertTables.open();
});
after(() => tables.close());

test('a process that died after the commit is finished by the next one that opens the sink', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const { record } = await sink.stage(batchOf(0, rows(0, 5)), never);
  await sink.ledger.commit(record, never);
  const undecided = await sink.stage(batchOf(5, rows(5, 2)), never);
  await tables.writer(table);
  assert.deepEqual(await tables.offsets(table), range(0, 5));
  assert.equal(await tables.staged(table), 1, 'what is undecided stays');
  await sink.ledger.commit(undecided.record, never);
  await sink.place(undecided.record, never);
  assert.deepEqual(await tables.offsets(table), range(0, 7));
});

test('placing goes on where a process died between two files, and after the last one', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const { record } = await sink.stage(
    batchOf(0, [...rows(0, 2), ...rows(2, 2, '2026-11-22'), ...rows(4, 2, '2026-11-23')]),
    never,
  );
  await sink.ledger.commit(record, never);
  // What `place` does, up to where the process dies.
  await tables.hive.execute(
    `ALTER TABLE ${table.database}.${table.name} ADD PARTITION (dt='2026-11-21')`,
    never,
  );
  const described = await tables.hive.query(
    `DESCRIBE FORMATTED ${table.database}.${table.name}_staging`,
    never,
  );
  const location = described.find((line) => String(line['col_name']).startsWith('Location'))?.[
    'data_type'
  ];
  const first = `${String(location).trim()}/staged_topic=${OF.topic}/staged_partition=${OF.partition}/staged_start=0/staged_attempt=${record.attempt}/dt=2026-11-21`;
  await tables.hive.execute(
    `LOAD DATA INPATH '${first}' INTO TABLE ${table.database}.${table.name} PARTITION (dt='2026-11-21')`,
    never,
  );
  assert.deepEqual(await tables.offsets(table), range(0, 2));
  await sink.place(record, never);
  assert.deepEqual(await tables.offsets(table), range(0, 6));
});

test('rows that vanished from staging before they were placed are reported, never passed over', async () => {
  const table = tables.table();
  const sink = await tables.writer(table);
  const { record } = await sink.stage(batchOf(0, rows(0, 2)), never);
  await sink.ledger.commit(record, never);
  await tables.hive.execute(
    `ALTER TABLE ${table.database}.${table.name}_staging DROP PARTITION (staged_start='0')`,
    never,
  );
  await assert.rejects(sink.place(record, never), {
    code: 'POSITION_CORRUPT',
    message: /posts\.v-1_x-3 \[0, 2\)/,
  });
});

test('an INSERT that Hive refused because another session altered the table is made again, as another attempt', async (context) => {
  const table = tables.table();
  const refusals: string[] = [];
  const hive = await openHive();
  context.after(() => hive.close());
  const execute = hive.execute.bind(hive);
  Object.assign(hive, {
    execute: async (...statement: Parameters<typeof execute>) => {
      await execute(...statement);
      const [sql] = statement;
      if (!sql.startsWith('INSERT') || refusals.length > 0) return;
      refusals.push(sql.match(/staged_attempt.=.([0-9a-f-]+)/)?.[1] ?? '');
      // Its rows may be there in part or whole.
      const message = 'FAILED: Execution Error, return code 1. Index 0 out of bounds for length 0';
      throw statementError('test', { message, errorCode: 1, sqlState: undefined }, true);
    },
  });
  const sink = await tables.writer(table, hive);
  const { attempt } = await deliverTo(sink, batchOf(0, rows(0, 2)));
  assert.equal(refusals.length, 1);
  assert.notEqual(attempt, refusals[0]);
  assert.deepEqual(await tables.offsets(table), range(0, 2));
  assert.equal(await tables.staged(table), 0);
});
