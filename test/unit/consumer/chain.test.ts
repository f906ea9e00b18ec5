// Where a consumer goes on: the chain of ledger entries, with a saved position that helps, misleads or is missing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { resume, walkChain } from '../../../consumer/chain.ts';
import { rollUp } from '../../../consumer/roll-up.ts';
import { isCode } from '../../../pipeline/errors.ts';
import type { BatchRecord, Ledger } from '../../../pipeline/ledger.ts';
import { silentLog } from '../../../pipeline/log.ts';
import type { PlacedBatch } from '../../../pipeline/position-store.ts';
import { chainOf, entryOf, MemoryLedger } from '../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 3 };
const signal = new AbortController().signal;

/** What the store would have kept of `entryOf(of, start, end)`. */
function placedAt(start: number, end: number, attempt = `${start}-${end}`): PlacedBatch {
  return { ...of, start: BigInt(start), end: BigInt(end), attempt };
}

async function resumeOn(ledger: Ledger, hint?: PlacedBatch, wished = 7n) {
  const placed: bigint[] = [];
  const warnings: string[] = [];
  const result = await resume(
    ledger,
    of,
    {
      hints: hint ? [hint] : [],
      wishedOrigin: async () => wished,
      place: async (entry) => void placed.push(entry.start),
      log: { ...silentLog, warn: (message) => void warnings.push(message) },
    },
    signal,
  );
  return { ...result, placed, warnings };
}

describe('resume', () => {
  test('a topic partition nobody knows starts where it is wished, and that is decided', async () => {
    const ledger = new MemoryLedger();
    const first = await resumeOn(ledger, undefined, 7n);
    assert.equal(first.position, 7n);
    assert.equal(first.last, undefined);
    assert.deepEqual(first.placed, []);
    assert.equal(
      (await resumeOn(ledger, undefined, 99n)).position,
      7n,
      'a later wish changes nothing',
    );
  });

  test('the wish is not asked for when an origin stands', async () => {
    const ledger = await chainOf(of, [0, 10]);
    const never = () => assert.fail('asked');
    const parts = { hints: [], wishedOrigin: never, place: async () => {}, log: silentLog };
    assert.equal((await resume(ledger, of, parts, signal)).position, 10n);
  });

  test('without a hint the chain is walked from its origin and only its last entry is placed', async () => {
    const ledger = await chainOf(of, [5, 10, 30, 31, 40]);
    const found = await resumeOn(ledger);
    assert.equal(found.position, 40n);
    assert.equal(found.origin, 5n);
    assert.deepEqual(found.placed, [31n]);
  });

  test('a hint spares the walk up to it', async () => {
    const ledger = await chainOf(of, [0, 10, 20, 30, 40]);
    const found = await resumeOn(ledger, placedAt(20, 30));
    assert.deepEqual([found.position, found.placed], [40n, [30n]]);
    assert.ok(!ledger.reads.includes(0n) && !ledger.reads.includes(10n));
  });

  test('R14: a batch that the hint says was placed is not placed again, wherever its files are now', async () => {
    const found = await resumeOn(await chainOf(of, [0, 10]), placedAt(0, 10));
    assert.deepEqual([found.position, found.placed], [10n, []]);
  });

  test('a hint of another attempt at its entry proves nothing: the entry is placed', async () => {
    const found = await resumeOn(await chainOf(of, [0, 10]), placedAt(0, 10, 'other'));
    assert.deepEqual([found.position, found.placed], [10n, [0n]]);
  });

  test("the ledger's end of the hinted batch counts, not the hint's", async () => {
    const found = await resumeOn(await chainOf(of, [0, 10, 20]), placedAt(10, 999, '10-20'));
    assert.deepEqual([found.position, found.placed], [20n, []]);
    assert.deepEqual(found.warnings, []);
  });

  test('of several hints the farthest that the ledger knows is taken', async () => {
    const ledger = await chainOf(of, [0, 10, 20, 30, 40]);
    const parts = { wishedOrigin: async () => 0n, place: async () => {}, log: silentLog };
    const hints = [placedAt(0, 10), placedAt(30, 40), placedAt(35, 50)];
    const found = await resume(ledger, of, { ...parts, hints }, signal);
    assert.deepEqual([found.position, found.unknown?.start], [40n, 35n]);
    assert.deepEqual(ledger.reads, [35n, 30n, 40n]);
  });

  test('10,000 entries of one size are leapt over, also where a few differ', async () => {
    const bounds = Array.from({ length: 10_001 }, (_, at) => at * 100 + (at > 5000 ? 7 : 0));
    const ledger = await chainOf(of, bounds);
    const found = await resumeOn(ledger);
    assert.equal(found.position, 1_000_007n);
    assert.ok(ledger.reads.length < 800, `${ledger.reads.length} reads`);
  });

  test('behind a roll-up the walk begins, and hints from before it say nothing', async () => {
    const ledger = await chainOf(of, [0, 10, 20, 30, 40]);
    await rollUp(ledger, of, { before: 1, entriesMin: 1, entriesMax: 2 }, 0, signal);
    ledger.reads.length = 0;
    ledger.entries.set('posts-3@10', entryOf(of, 10, 35, { attempt: 'late' }));
    const found = await resumeOn(ledger, placedAt(10, 35, 'late'));
    assert.deepEqual([found.position, found.placed, found.warnings], [40n, [30n], []]);
    assert.ok(!ledger.reads.includes(10n));
  });

  test('a hint the ledger does not know is ignored with a warning', async () => {
    const found = await resumeOn(await chainOf(of, [0, 10, 20]), placedAt(12, 20));
    assert.equal(found.position, 20n);
    assert.equal(found.warnings.length, 1);
  });

  test('a hint left from a dropped table does not decide where the new one starts', async () => {
    const found = await resumeOn(new MemoryLedger(), placedAt(80, 90), 0n);
    assert.equal(found.position, 0n);
    assert.equal(found.warnings.length, 1);
  });

  test('entries of skipped and lost offsets are links of the chain', async () => {
    const ledger = await chainOf(of, [0, 10]);
    await ledger.commit(entryOf(of, 10, 50, { kind: 'lost' }));
    await ledger.commit(entryOf(of, 50, 60, { kind: 'skip' }));
    assert.equal((await resumeOn(ledger)).position, 60n);
  });

  test('an entry that ends where it starts, or names another partition, is POSITION_CORRUPT', async () => {
    for (const wrong of [entryOf(of, 10, 10), entryOf({ ...of, partition: 4 }, 10, 20)]) {
      const ledger = await chainOf(of, [0, 10]);
      ledger.entries.set('posts-3@10', wrong);
      await assert.rejects(resumeOn(ledger), (error) => {
        assert.ok(isCode(error, 'POSITION_CORRUPT'));
        assert.match(error.message, /posts-3/);
        return true;
      });
    }
  });

  test('whatever the hint, the end of the chain is found', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 60 }),
        fc.option(
          fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 50 }), fc.constantFrom(undefined, 'x')),
          { nil: undefined },
        ),
        async (lengths, hint) => {
          const bounds = [3];
          for (const length of lengths) bounds.push((bounds.at(-1) ?? 3) + length);
          const ledger = await chainOf(of, bounds);
          const known = hint && placedAt(hint[0], hint[0] + hint[1], hint[2]);
          const found = await resumeOn(ledger, known, 3n);
          assert.equal(found.position, BigInt(bounds.at(-1) ?? 3));
          const { last } = found;
          const wasPlaced = last && known?.start === last.start && known.attempt === last.attempt;
          assert.deepEqual(found.placed, last && !wasPlaced ? [last.start] : []);
        },
      ),
      {
        examples: [
          [[4], [3, 4, undefined]],
          [[4], [3, 4, 'x']],
        ],
      },
    );
  });
});

describe('walkChain', () => {
  test('entries of one size are read several at a time', async () => {
    const bounds = Array.from({ length: 1001 }, (_, index) => index * 100);
    const ledger = await chainOf(of, bounds);
    let inFlight = 0;
    let rounds = 0;
    const counting: Ledger = Object.assign(Object.create(ledger), {
      async read(at: typeof of, start: bigint): Promise<BatchRecord | undefined> {
        if (inFlight === 0) rounds += 1;
        inFlight += 1;
        await new Promise((resolve) => setImmediate(resolve));
        inFlight -= 1;
        return ledger.read(at, start);
      },
    });
    let walked = 0;
    for await (const _ of walkChain(counting, of, 0n, signal)) walked += 1;
    assert.equal(walked, 1000);
    assert.ok(rounds < 140, `${rounds} rounds`);
  });

  test('it stops when told to', async () => {
    const controller = new AbortController();
    const ledger = await chainOf(of, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    await assert.rejects(async () => {
      for await (const _ of walkChain(ledger, of, 0n, controller.signal)) {
        controller.abort(new Error('enough'));
      }
    }, /enough/);
  });
});
