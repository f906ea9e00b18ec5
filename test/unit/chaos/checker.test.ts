// The checker of the chaos run on made-up tables: it finds each way of breaking a promise, and nothing where all hold.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gatherLedger } from '../../../consumer/verify/gather.ts';
import type { BatchRecord } from '../../../pipeline/ledger.ts';
import { check, type Violation } from '../../chaos/checker.ts';
import type { TableRow } from '../../chaos/destination.ts';
import type { Evidence } from '../../chaos/evidence.ts';
import { violationLines } from '../../chaos/report.ts';
import { dayOf, daysUntil, fateOf, homeOf, recordOf, type Workload } from '../../chaos/workload.ts';
import { entryOf, MemoryLedger } from '../../support/memory-ledger.ts';

const workload: Workload = {
  ...{ sink: 'hive-load', format: 'json', partitions: 1, producers: 1, consumers: 2 },
  ...{ store: 'file', tombstones: 'skip', ...daysUntil(0, 2), rate: 10 },
  batch: { size: 10, ageMsMax: 1000, idleMsMax: 1000 },
};
const of = { topic: 't', partition: 0 };
/** Every record is one of producer 0; number 7 is a tombstone, number 13 and 17 are no JSON. */
const COUNT = 20;
const noSignal = new AbortController().signal;

const recordAt = (offset: number) => recordOf(0, offset, workload);
const kindAt = (offset: number) => fateOf(recordAt(offset).value, workload.tombstones).kind;
const fileOf = (offset: number) =>
  `/t/${dayOf(recordAt(offset).timestamp)}/t+0+${offset < 10 ? '0+10' : '10+20'}.json`;

function rowAt(offset: number): TableRow[] {
  const fate = fateOf(recordAt(offset).value, workload.tombstones);
  if (fate.kind !== 'row') return [];
  const { id, text } = fate;
  return [{ file: fileOf(offset), partition: 0, offset: BigInt(offset), id, text }];
}

function entry(start: number, end: number, more: Partial<BatchRecord> = {}): BatchRecord {
  const kinds = Array.from({ length: end - start }, (_, index) => kindAt(start + index));
  const count = (kind: string) => kinds.filter((one) => one === kind).length;
  return entryOf(of, start, end, {
    ...{ rows: count('row'), deadLetters: count('dead-letter'), skipped: count('skipped') },
    ...more,
  });
}

/** What stands when everything went well, with the given entries. */
async function evidence(
  entries: readonly BatchRecord[] = [entry(0, 10), entry(10, COUNT)],
): Promise<Evidence> {
  const ledger = new MemoryLedger();
  await ledger.origin(of, 0n);
  for (const one of entries) await ledger.commit(one);
  const offsets = Array.from({ length: COUNT }, (_, offset) => offset);
  const chain: BatchRecord[] = [];
  const facts = await gatherLedger(ledger, of, noSignal, (one) => chain.push(one));
  return {
    ...{ topic: 't', table: 'default.t', leftovers: [], ends: new Map([[0, BigInt(COUNT)]]) },
    records: offsets.map((offset) => {
      const { id, timestamp, value } = recordAt(offset);
      return { partition: 0, offset: BigInt(offset), id, run: '1', timestamp, value };
    }),
    rows: offsets.flatMap(rowAt),
    deadLetters: offsets
      .filter((offset) => kindAt(offset) === 'dead-letter')
      .map((offset) => ({ partition: 0, offset: BigInt(offset), value: recordAt(offset).value })),
    chains: [{ partition: 0, facts, entries: chain }],
  };
}

const promises = (violations: readonly Violation[]) => [
  ...new Set(violations.map(({ promise }) => promise)),
];

/** The broken promises when what stands differs by `change` from what should. */
async function broken(change: (good: Evidence) => Partial<Evidence>): Promise<Violation[]> {
  const good = await evidence();
  return check({ ...good, ...change(good) }, [COUNT], workload);
}

describe('the checker', () => {
  test('finds nothing where every promise is kept', async () => {
    assert.deepEqual(await broken(() => ({})), []);
  });

  test('names the topic, partition and offset of a lost row, and the ledger entries around it', async () => {
    const found = await broken(({ rows }) => ({
      rows: rows.filter(({ offset }) => offset !== 9n),
    }));
    assert.deepEqual(promises(found), ['lost', 'accounting']);
    const [line] = violationLines(found, await evidence());
    assert.match(
      line ?? '',
      /^lost: t-0@9: record 0-9 is not in the table \(ledger: t-0 \[0, 10\) by \S+, t-0 \[10, 20\) by/,
    );
  });

  test('names both files of a doubled row', async () => {
    const found = await broken(({ rows }) => ({
      rows: [...rows, ...rowAt(3).map((row) => ({ ...row, file: `${row.file}_copy_1` }))],
    }));
    assert.deepEqual(promises(found), ['doubled', 'accounting']);
    assert.match(
      found[0]?.what ?? '',
      /record 0-3 is in the table 2 times: .*json, .*json_copy_1$/,
    );
  });

  test('finds a row no record stands for, a tombstone that became one, and one that no entry covers', async () => {
    const rowless = { file: '/t/x.json', partition: 0, id: 'x', text: 'x' };
    const strange = await broken(({ rows }) => ({ rows: [...rows, { ...rowless, offset: 99n }] }));
    assert.deepEqual(promises(strange), ['invented', 'accounting']);
    const tombstone = await broken(({ rows }) => ({ rows: [...rows, { ...rowless, offset: 7n }] }));
    assert.ok(promises(tombstone).includes('invented'));
    const short = await evidence([entry(0, 10)]);
    const uncovered = check(short, [COUNT], workload);
    assert.deepEqual(promises(uncovered), ['invented', 'ledger', 'accounting']);
  });

  test('finds values that differ, and a row in the table partition of another day', async () => {
    const altered = await broken(({ rows: [first, ...rest] }) => ({
      rows: first ? [{ ...first, text: 'other' }, ...rest] : [],
    }));
    assert.deepEqual(promises(altered), ['altered']);
    const moved = await broken(({ rows: [first, ...rest] }) => ({
      rows: first ? [{ ...first, file: '/t/dt=1999-01-01/a.json' }, ...rest] : [],
    }));
    assert.deepEqual(promises(moved), ['altered']);
  });

  test('finds rows of one file out of their order, and a file with rows of two entries', async () => {
    const reordered = await broken(({ rows }) => ({ rows: [...rows].reverse() }));
    assert.deepEqual(promises(reordered), ['order']);
    const merged = await broken(({ rows }) => ({
      rows: rows.map((row) => ({ ...row, file: row.file.replace(/[^/]+$/, 'one.json') })),
    }));
    assert.deepEqual(promises(merged), ['order']);
  });

  test('in a tree of places takes a file of several entries, not a line in the wrong place or too early in its file', async () => {
    const tree: Workload = { ...workload, sink: 'locations-hdfs', ...daysUntil(0, 1) };
    const good = await evidence();
    const records = good.records.map((record) => {
      const { timestamp, value } = recordOf(0, Number(record.offset), tree);
      return { ...record, timestamp, value };
    });
    const rows = records.flatMap(({ offset, ...record }) => {
      const fate = fateOf(record.value, tree.tombstones);
      if (fate.kind !== 'row') return [];
      const file = `/${homeOf(record, tree)}/alerts.json`;
      return [{ file, partition: 0, offset, id: fate.id, text: fate.text }];
    });
    const found = (standing: readonly TableRow[]) =>
      promises(check({ ...good, records, rows: standing }, [COUNT], tree));
    assert.deepEqual(found(rows), []);
    assert.deepEqual(found([...rows].reverse()), ['order']);
    const astray = rows.map((row, at) => (at === 1 ? { ...row, file: '/XX/Y/alerts.json' } : row));
    assert.deepEqual(found(astray), ['altered']);
  });

  test('finds a dead letter that is missing, altered, or of a good record', async () => {
    assert.deepEqual(promises(await broken(() => ({ deadLetters: [] }))), ['lost']);
    const altered = await broken(({ deadLetters }) => ({
      deadLetters: deadLetters.map((letter) => ({ ...letter, value: Buffer.from('x') })),
    }));
    assert.deepEqual(promises(altered), ['altered']);
    const good = await broken(({ deadLetters }) => ({
      deadLetters: [...deadLetters, { partition: 0, offset: 2n, value: recordAt(2).value }],
    }));
    assert.deepEqual(promises(good), ['invented']);
  });

  test('takes a dead letter that was sent twice', async () => {
    const twice = await broken(({ deadLetters }) => ({
      deadLetters: [...deadLetters, ...deadLetters],
    }));
    assert.deepEqual(twice, []);
  });

  test('finds a chain that ends too early, counts wrong, or begins in the middle', async () => {
    const short = await evidence([entry(0, 10)]);
    const rows = short.rows.filter(({ offset }) => offset < 10n);
    const early = check({ ...short, rows }, [COUNT], workload);
    assert.deepEqual(promises(early), ['ledger', 'accounting']);
    const wrong = await evidence([entry(0, 10, { skipped: 0, deadLetters: 1 }), entry(10, COUNT)]);
    assert.deepEqual(promises(check(wrong, [COUNT], workload)), ['ledger']);
    const skipped = await evidence([entry(0, 10), entry(10, COUNT, { kind: 'skip' })]);
    assert.ok(promises(check(skipped, [COUNT], workload)).includes('ledger'));
  });

  test('finds an acknowledged record that is not in the topic', async () => {
    const found = check(await evidence(), [COUNT + 1], workload);
    assert.deepEqual(promises(found), ['acknowledged']);
    assert.match(found[0]?.what ?? '', /record 0-20 was acknowledged and is not in the topic/);
  });

  test('finds a record that one life of a producer sent twice, and lets another life send it again', async () => {
    const again = (run: string) =>
      broken(({ records }) => ({
        records: records.map((record, index) =>
          index === 5 ? { ...record, ...recordAt(4), partition: 0, run } : record,
        ),
      }));
    assert.ok(promises(await again('1')).includes('sent once'));
    assert.ok(!promises(await again('2')).includes('sent once'));
  });

  test('finds what is still staged', async () => {
    const found = await broken(() => ({ leftovers: ['_staging/t/0/0/a.json'] }));
    assert.deepEqual(promises(found), ['leftover']);
  });
});
