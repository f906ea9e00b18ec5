// The law of roll-ups for every Ledger: what is rolled up is gone and counted, and nobody can write there any more.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chainEnd } from '../../consumer/chain.ts';
import { rollUp } from '../../consumer/roll-up.ts';
import { isCode } from '../../pipeline/errors.ts';
import type { Ledger } from '../../pipeline/ledger.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import { anEntry, type LedgerUnderTest } from './ledger.contract.ts';

const { signal } = new AbortController();
const NOW = 1_800_000_000_000;
const all = { before: NOW, entriesMin: 1, entriesMax: 1000 };

/** A chain from 3 on, of entries of five offsets each. */
async function chain(ledger: Ledger, of: TopicPartition, entries: number): Promise<void> {
  await ledger.origin(of, 3n, signal);
  for (let at = 0; at < entries; at += 1) {
    const start = 3n + BigInt(at) * 5n;
    await ledger.commit(anEntry(of, start, start + 5n), signal);
  }
}

export function rollUpContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} with roll-ups`, () => {
    let under: LedgerUnderTest;
    before(async () => {
      under = await open();
    });
    after(() => under?.close());

    test('all entries but the last become one roll-up; the position stays, and old names are refused', async () => {
      const of = { topic: 't.rolled', partition: 1 };
      const [asleep, awake] = [under.writer(), under.writer()];
      assert.equal(await asleep.rolledUp(of, signal), undefined);
      await chain(awake, of, 4);
      const before = await chainEnd(awake, of, [], signal);
      assert.equal(await rollUp(awake, of, all, NOW, signal), 3);
      assert.deepEqual(await under.writer().rolledUp(of, signal), {
        ...{ ...of, number: 1, from: 3n, end: 18n, entries: 3, at: NOW },
        ...{ rows: 9, deadLetters: 3, skipped: 3, lost: 0n, passedOver: 0n },
        last: { offset: 17n, timestamp: 1_700_000_000_123, checksum: '0123456789abcdef' },
      });
      for (const start of [3n, 8n, 13n]) {
        assert.equal(await under.writer().read(of, start, signal), undefined);
      }
      for (const reader of [asleep, awake, under.writer()]) {
        assert.deepEqual(await chainEnd(reader, of, [], signal), before);
      }
      assert.equal(await rollUp(awake, of, all, NOW, signal), 0, 'the last one stays');
      const late = anEntry(of, 8n, 12n);
      for (const writer of [asleep, under.writer()]) {
        await assert.rejects(writer.commit(late, signal), (error) => {
          assert.ok(isCode(error, 'POSITION_ROLLED_UP'), String(error));
          assert.match(error.message, /t\.rolled-1 \[8, 12\).*18/);
          return true;
        });
      }
      assert.deepEqual(
        await chainEnd(under.writer(), of, [late], signal),
        { ...before, unknown: undefined },
        'what the late writer left is not read, though a hint names it',
      );
      assert.deepEqual((await awake.commit(anEntry(of, 23n, 28n), signal)).end, 28n);
    });

    test('of two that roll up at once one wins, and who died before removing is followed up', async () => {
      const of = { topic: 't.rolled', partition: 2 };
      await chain(under.writer(), of, 3);
      const dying: Ledger = under.writer();
      dying.forget = async () => {};
      const outcomes = await Promise.all([
        rollUp(dying, of, all, NOW, signal),
        rollUp(dying, of, { ...all, entriesMax: 1 }, NOW, signal),
      ]);
      assert.equal(outcomes.filter((entries) => entries > 0).length, 1, outcomes.join());
      assert.ok(await under.writer().read(of, 3n, signal));
      await rollUp(under.writer(), of, { ...all, entriesMin: 5 }, NOW, signal);
      assert.equal(await under.writer().read(of, 3n, signal), undefined);
      assert.equal((await chainEnd(under.writer(), of, [], signal))?.position, 18n);
    });
  });
}
