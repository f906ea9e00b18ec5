// Rolling up a ledger: which entries, how the newest roll-up is found among many, and what a reader in the middle of it sees.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainEnd } from '../../../consumer/chain.ts';
import { NewestRollUps, rollUp } from '../../../consumer/roll-up.ts';
import type { BatchRecord, RollUp } from '../../../pipeline/ledger.ts';
import type { TopicPartition } from '../../../pipeline/range.ts';
import { chainOf, entryOf, MemoryLedger } from '../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 3 };
const { signal } = new AbortController();
const rule = { before: 100, entriesMin: 1, entriesMax: 1000 };

const starts = (ledger: MemoryLedger) => [...ledger.entries.values()].map(({ start }) => start);

test('entries of the time kept stay, and so do too few', async () => {
  const ledger = new MemoryLedger();
  await ledger.origin(of, 0n);
  for (const [start, at] of [0, 10, 50, 200, 20, 30].entries()) {
    await ledger.commit(entryOf(of, start, start + 1, { at }));
  }
  assert.equal(await rollUp(ledger, of, { ...rule, entriesMin: 4 }, 0, signal), 0);
  assert.equal(await rollUp(ledger, of, rule, 0, signal), 3);
  assert.deepEqual(starts(ledger), [3n, 4n, 5n], 'up to the first that is too young');
  assert.equal((await ledger.rolledUp(of))?.end, 3n);
});

test('an entry without a successor is never rolled up: it may not be placed yet', async () => {
  const ledger = await chainOf(of, [0, 10]);
  assert.equal(await rollUp(ledger, of, rule, 0, signal), 0);
  assert.equal(await rollUp(new MemoryLedger(), of, rule, 0, signal), 0);
});

test('a bounded number is rolled up at once, and each roll-up holds what the one before held', async () => {
  const ledger = await chainOf(of, [0, 10, 20, 30, 40, 50]);
  await ledger.commit(entryOf(of, 50, 60, { kind: 'lost' }));
  await ledger.commit(entryOf(of, 60, 65, { kind: 'skip' }));
  const last = { offset: 69n, timestamp: 1, checksum: 'x' };
  await ledger.commit(entryOf(of, 65, 70, { rows: 3, deadLetters: 1, skipped: 1, last }));
  await ledger.commit(entryOf(of, 70, 71));
  const rolled: number[] = [];
  for (let entries = 1; entries > 0; rolled.push(entries)) {
    entries = await rollUp(ledger, of, { ...rule, entriesMax: 3 }, 7, signal);
  }
  assert.deepEqual(rolled, [3, 3, 2, 0]);
  assert.deepEqual(starts(ledger), [70n]);
  assert.deepEqual(await ledger.rolledUp(of), {
    ...{ ...of, number: 3, from: 60n, end: 70n, entries: 8, at: 7, last },
    ...{ rows: 53, deadLetters: 1, skipped: 1, lost: 10n, passedOver: 5n },
  });
});

test('a reader from under whom entries are rolled up looks again', async () => {
  const ledger = await chainOf(of, [0, 10, 20, 25, 27, 40]);
  let isFirst = true;
  const beside = Object.assign(Object.create(ledger), {
    async read(at: TopicPartition, start: bigint): Promise<BatchRecord | undefined> {
      if (isFirst && start === 10n) {
        isFirst = false;
        await rollUp(ledger, of, rule, 0, signal);
      }
      return ledger.read(at, start);
    },
  });
  const found = await chainEnd(beside, of, [], signal);
  assert.equal(isFirst, false);
  assert.deepEqual([found?.position, found?.last?.start], [40n, 27n]);
});

test('the newest of many roll-ups is found by few reads, and again by one', async () => {
  for (const count of [0, 1, 2, 3, 7, 8, 365, 1000]) {
    let reads = 0;
    let standing = count;
    const newest = new NewestRollUps(async (at, number) => {
      reads += 1;
      return number <= standing ? ({ ...at, number } as RollUp) : undefined;
    });
    assert.equal((await newest.of(of, signal))?.number ?? 0, count);
    assert.ok(reads <= 1 + 2 * Math.ceil(Math.log2(count + 1)), `${reads} reads for ${count}`);
    reads = 0;
    assert.equal((await newest.of(of, signal))?.number ?? 0, count);
    assert.equal(reads, 1);
    standing += 1;
    assert.equal((await newest.of(of, signal))?.number, count + 1);
  }
});
