// The law of every Ledger: whoever writes first has decided, everybody else gets what stands.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { BatchRecord, Ledger } from '../../pipeline/ledger.ts';
import type { TopicPartition } from '../../pipeline/range.ts';

export interface LedgerUnderTest {
  /** An empty ledger's writer; each call gives another one on the same ledger. */
  writer(): Ledger;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

/** An entry as a sink makes one. */
export function anEntry(of: TopicPartition, start: bigint, end: bigint): BatchRecord {
  const attempt = randomUUID();
  return {
    ...{ ...of, start, end, kind: 'batch', attempt },
    files: [
      {
        staged: `_staging/${of.topic}/${of.partition}/${start}/${attempt}/2026-11-21.parquet`,
        final: `dt=2026-11-21/${of.topic}+${of.partition}+${start}+${end}.parquet`,
        tablePartition: '2026-11-21',
        rows: Number(end - start) - 2,
        bytes: 4711,
      },
    ],
    ...{ rows: Number(end - start) - 2, deadLetters: 1, skipped: 1 },
    last: { offset: end - 1n, timestamp: 1_700_000_000_123, checksum: '0123456789abcdef' },
    at: 1_700_000_000_456,
  };
}

export function ledgerContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} as a Ledger`, () => {
    let under: LedgerUnderTest;
    let counter = 0;
    const fresh = (): TopicPartition => {
      counter += 1;
      return { topic: `t.o-p_${counter}`, partition: counter };
    };

    before(async () => {
      under = await open();
    });
    after(() => under?.close());

    test('what nobody decided is undefined', async () => {
      const of = fresh();
      assert.equal(await under.writer().readOrigin(of, signal), undefined);
      assert.equal(await under.writer().read(of, 0n, signal), undefined);
    });

    test('a committed entry stands, and is read back field by field by another writer', async () => {
      const of = fresh();
      const entry = anEntry(of, 9_007_199_254_740_993n, 9_007_199_254_741_993n);
      assert.deepEqual(await under.writer().commit(entry, signal), entry);
      assert.deepEqual(await under.writer().read(of, entry.start, signal), entry);
    });

    test('an entry without files and without last record is one too', async () => {
      const of = fresh();
      const skip: BatchRecord = {
        ...{ ...anEntry(of, 0n, 10n), kind: 'skip', files: [], last: undefined },
        ...{ rows: 0, deadLetters: 0, skipped: 0 },
      };
      await under.writer().commit(skip, signal);
      assert.deepEqual(await under.writer().read(of, 0n, signal), skip);
    });

    test('the second writer at a start gets the entry of the first', async () => {
      const of = fresh();
      const [first, second] = [anEntry(of, 0n, 10n), anEntry(of, 0n, 7n)];
      await under.writer().commit(first, signal);
      assert.deepEqual(await under.writer().commit(second, signal), first);
      assert.deepEqual(await under.writer().read(of, 0n, signal), first);
    });

    test('a commit may be repeated', async () => {
      const of = fresh();
      const entry = anEntry(of, 5n, 10n);
      await under.writer().commit(entry, signal);
      assert.deepEqual(await under.writer().commit(entry, signal), entry);
    });

    test('of six writers that commit at one start at once, all get the same entry', async () => {
      const of = fresh();
      const entries = [10n, 11n, 12n, 13n, 14n, 15n].map((end) => anEntry(of, 3n, end));
      const standing = await Promise.all(
        entries.map((entry) => under.writer().commit(entry, signal)),
      );
      const [winner] = standing;
      assert.ok(entries.some((entry) => entry.attempt === winner?.attempt));
      for (const each of standing) assert.deepEqual(each, winner);
    });

    test('starts and topic partitions are decided apart from each other', async () => {
      const [one, other] = [fresh(), fresh()];
      const entries = [anEntry(one, 0n, 5n), anEntry(one, 5n, 9n), anEntry(other, 0n, 4n)];
      for (const entry of entries) {
        assert.deepEqual(await under.writer().commit(entry, signal), entry);
      }
    });

    test('the first origin wished for is the origin of everybody', async () => {
      const of = fresh();
      assert.equal(await under.writer().origin(of, 42n, signal), 42n);
      assert.equal(await under.writer().origin(of, 0n, signal), 42n);
      assert.equal(await under.writer().readOrigin(of, signal), 42n);
    });

    test('writers that wish for different origins at once agree on one', async () => {
      const wishes = [0n, 3n, 7n, 9n];
      // Often: the one that is done tidies up while others still write.
      for (let round = 0; round < 8; round += 1) {
        const of = fresh();
        const decided = await Promise.all(
          wishes.map((wish) => under.writer().origin(of, wish, signal)),
        );
        assert.equal(new Set(decided).size, 1, decided.join());
        assert.ok(wishes.includes(decided[0] ?? -1n));
      }
    });

    test('topic partitions with an origin are listed, others are not', async () => {
      const [a, b, without] = [fresh(), fresh(), fresh()];
      await under.writer().origin(b, 0n, signal);
      await under.writer().origin(a, 0n, signal);
      await under.writer().commit(anEntry(without, 0n, 4n), signal);
      const listed = await under.writer().partitions(signal);
      const mine = listed.filter(({ topic }) =>
        [a, b, without].some((each) => each.topic === topic),
      );
      assert.deepEqual(
        mine.sort((x, y) => x.partition - y.partition),
        [a, b],
      );
    });
  });
}
