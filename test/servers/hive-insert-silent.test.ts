// The sink hive-insert when HiveServer2 ends an INSERT well that has written nothing: seen with local MapReduce, when two
// such statements ended at the same moment.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { HiveClient } from '../../clients/hive/session.ts';
import { isCode } from '../../pipeline/errors.ts';
import { never } from '../support/hive.ts';
import { batchOf, deliverTo, InsertTables, range, rows } from '../support/insert-tables.ts';

let tables: InsertTables;
before(async () => {
  tables = await InsertTables.open();
});
after(() => tables.close());

/** The real client, which leaves out the first INSERT and says it is done. */
function forgetful(hive: HiveClient): HiveClient {
  let hasForgotten = false;
  return new Proxy(hive, {
    get(target, name) {
      if (name !== 'execute') return Reflect.get(target, name).bind(target);
      return async (...[sql, signal, options]: Parameters<HiveClient['execute']>) => {
        const isFirst = sql.startsWith('INSERT') && !hasForgotten;
        hasForgotten ||= isFirst;
        if (!isFirst) await target.execute(sql, signal, options);
      };
    },
  });
}

test('rows that an INSERT has not written are missed before anything is committed, and staged again', async () => {
  const table = tables.table();
  const sink = await tables.writer(table, forgetful(tables.hive));
  const batch = batchOf(0, rows(0, 5));
  await assert.rejects(sink.stage(batch, never), (error) => {
    assert.ok(isCode(error, 'SINK_OUTCOME_UNKNOWN'), String(error));
    assert.match(error.message, /staged 0 of 5 rows/);
    return error.retry === 'repeat';
  });
  await deliverTo(sink, batch);
  assert.deepEqual(await tables.offsets(table), range(0, 5));
  assert.equal(await tables.staged(table), 0);
});
