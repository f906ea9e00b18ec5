// `verify` on a ledger whose older entries are rolled up, before it looks or while it does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rollUp } from '../../../../consumer/roll-up.ts';
import type { PartitionFacts, TableFacts } from '../../../../consumer/verify/facts.ts';
import { gatherLedger } from '../../../../consumer/verify/gather.ts';
import { judgePartition } from '../../../../consumer/verify/judge.ts';
import { chainOf, entryOf } from '../../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 0 };
const { signal } = new AbortController();

function facts(ledger: PartitionFacts['ledger'], table: TableFacts): PartitionFacts {
  const topicHolds = { logStart: 0n, highWatermark: 25n };
  return { ...of, topicHolds, ledger, table, count: undefined };
}

test('what was rolled up is counted whole, and the same comes out', async () => {
  const ledger = await chainOf(of, [0, 10]);
  await ledger.commit(entryOf(of, 10, 15, { kind: 'lost' }));
  await ledger.commit(entryOf(of, 15, 17, { kind: 'skip' }));
  await ledger.commit(entryOf(of, 17, 20, { rows: 1, deadLetters: 1, skipped: 1 }));
  await ledger.commit(entryOf(of, 20, 25));
  const table = { rows: 16, distinct: 16, highest: 24n, outside: 0 };
  const before = judgePartition(facts(await gatherLedger(ledger, of, signal), table));
  await rollUp(ledger, of, { before: 1, entriesMin: 1, entriesMax: 9 }, 0, signal);
  assert.equal(ledger.entries.size, 1);
  const rolled = await gatherLedger(ledger, of, signal);
  const after = judgePartition(facts(rolled, table));
  assert.deepEqual({ ...after, notes: [] }, { ...before, notes: [] });
  assert.deepEqual(after.problems, []);
  assert.match(
    after.notes.join(),
    /posts-0: offsets before 20 are rolled up and counted whole \(5 lost, 2 passed over\)/,
  );
  const missing = judgePartition(facts(rolled, { ...table, rows: 10, distinct: 10 }));
  assert.match(missing.problems.join(), /6 rows of the ledger are not in the table/);
});

test('entries that are rolled up while they are counted are counted once', async () => {
  const ledger = await chainOf(of, [0, 10, 20, 30]);
  const beside = Object.assign(Object.create(ledger), {
    async read(at: typeof of, start: bigint) {
      const found = await ledger.read(at, start);
      const rule = { before: 1, entriesMin: 1, entriesMax: 9 };
      if (start === 0n) await rollUp(ledger, of, rule, 0, signal);
      return found;
    },
  });
  const found = await gatherLedger(beside, of, signal);
  assert.deepEqual([found?.entries, found?.rows, found?.end], [3, 30, 30n]);
});
