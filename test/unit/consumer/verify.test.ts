// `verify` without servers: the facts gathered, what is made of them, and how it is printed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEAD_LETTER_HEADERS } from '../../../consumer/dead-letters.ts';
import { TopicCounts } from '../../../consumer/verify/count.ts';
import type { PartitionFacts, TableFacts } from '../../../consumer/verify/facts.ts';
import { gather, gatherLedger, tableQuery } from '../../../consumer/verify/gather.ts';
import { judge, judgePartition } from '../../../consumer/verify/judge.ts';
import { aligned, reportJson, reportLines, sentence } from '../../../consumer/verify/print.ts';
import { chainOf, entryOf, MemoryLedger } from '../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 0 };
const signal = new AbortController().signal;

/** Facts of a partition whose ledger holds two batches, [0,10) and [10,20): 18 rows, 1 dead letter, 1 skipped. */
async function facts(more: Partial<PartitionFacts> = {}, table: Partial<TableFacts> = {}) {
  const ledger = new MemoryLedger();
  await ledger.origin(of, 0n);
  await ledger.commit(entryOf(of, 0, 10, { rows: 8, deadLetters: 1, skipped: 1 }));
  await ledger.commit(entryOf(of, 10, 20));
  return {
    ...of,
    topicHolds: { logStart: 0n, highWatermark: 25n },
    ledger: await gatherLedger(ledger, of, signal),
    table: { rows: 18, distinct: 18, highest: 19n, outside: 0, ...table },
    count: undefined,
    ...more,
  } satisfies PartitionFacts;
}

describe('judging a topic partition', () => {
  test('topic, ledger and table that agree balance', async () => {
    const report = judgePartition(await facts());
    assert.deepEqual(report.problems, []);
    assert.equal(report.read, 20);
    assert.equal(report.written + report.deadLetters + report.skipped, report.read);
    assert.deepEqual([report.missing, report.doubled, report.lag, report.offsets], [0, 0, 5n, 20n]);
  });

  test('rows that are not there are missing', async () => {
    const report = judgePartition(await facts({}, { rows: 15, distinct: 15 }));
    assert.equal(report.missing, 3);
    assert.match(report.problems.join(), /posts-0: 3 rows of the ledger are not in the table/);
  });

  test('a last batch that is wholly absent is named as not placed yet', async () => {
    const report = judgePartition(await facts({}, { rows: 8, distinct: 8, highest: 9n }));
    assert.match(
      report.problems.join(),
      /posts-0 \[10, 20\) with 10 rows, is committed and not placed/,
    );
    const other = judgePartition(await facts({}, { rows: 8, distinct: 8, highest: 19n }));
    assert.match(other.problems.join(), /10 rows of the ledger are not in the table/);
  });

  test('rows that are there twice are doubled, even when as many are missing', async () => {
    const report = judgePartition(await facts({}, { rows: 18, distinct: 16 }));
    assert.deepEqual([report.missing, report.doubled], [2, 2]);
    assert.equal(report.problems.length, 2);
  });

  test('rows at offsets that were never read are a problem', async () => {
    assert.match(
      judgePartition(await facts({}, { outside: 4 })).problems.join(),
      /4 rows .* stand at/,
    );
    const unread = await facts({ ledger: undefined }, { outside: 2 });
    assert.match(judgePartition(unread).problems.join(), /2 rows/);
  });

  test('more rows than the ledger accounts for are a problem', async () => {
    const report = judgePartition(await facts({}, { rows: 19, distinct: 19 }));
    assert.match(report.problems.join(), /1 rows more than the ledger/);
  });

  test('a partition nobody has read lags by all it holds, and that is no problem', async () => {
    const none = { rows: 0, distinct: 0, highest: undefined };
    const report = judgePartition(await facts({ ledger: undefined }, none));
    assert.deepEqual([report.problems, report.lag, report.origin], [[], 25n, undefined]);
  });

  test('a ledger that reaches beyond the topic, or ends before it begins, is a problem', async () => {
    const short = await facts({ topicHolds: { logStart: 0n, highWatermark: 12n } });
    assert.match(judgePartition(short).problems.join(), /deleted and created again/);
    const torn = await facts({ topicHolds: { logStart: 22n, highWatermark: 25n } });
    assert.match(
      judgePartition(torn).problems.join(),
      /posts-0 \[20, 22\): deleted .* before it was read/,
    );
  });

  test('holes in the offsets are a note', async () => {
    const ledger = await chainOf(of, [0]);
    await ledger.commit(entryOf(of, 0, 20, { rows: 18 }));
    const report = judgePartition(await facts({ ledger: await gatherLedger(ledger, of, signal) }));
    assert.deepEqual(report.problems, []);
    assert.match(report.notes.join(), /2 offsets hold no record .*--read-topic/);
  });

  test('what was lost and what was passed over is accounted for and named', async () => {
    const ledger = await chainOf(of, [5, 10]);
    await ledger.commit(entryOf(of, 10, 30, { kind: 'lost' }));
    await ledger.commit(entryOf(of, 30, 34, { kind: 'skip' }));
    const known = await gatherLedger(ledger, of, signal);
    const topicHolds = { logStart: 30n, highWatermark: 34n };
    const report = judgePartition(
      await facts({ ledger: known, topicHolds }, { rows: 5, distinct: 5, highest: 9n }),
    );
    assert.deepEqual([report.problems, report.lost, report.passedOver], [[], 20n, 4n]);
    assert.equal(report.offsets, 5n);
    assert.match(report.notes.join(), /posts-0 \[10, 30\): lost/);
    assert.match(report.notes.join(), /posts-0 \[30, 34\): passed over/);
  });

  test('records that the topic holds and nobody read are a problem; fewer than were read a note', async () => {
    const count = {
      from: 0n,
      held: 21,
      read: 20,
      firstShort: { ...of, start: 10n, end: 20n },
      deadLetters: 1,
      deadLettersExpired: false,
    };
    assert.match(
      judgePartition(await facts({ count })).problems.join(),
      /\[10, 20\): the topic holds more/,
    );
    const less = await facts({ count: { ...count, held: 15, firstShort: undefined } });
    assert.deepEqual(judgePartition(less).problems, []);
    assert.match(judgePartition(less).notes.join(), /5 records less/);
    const gone = await facts({
      count: { ...count, firstShort: undefined, held: 20, deadLetters: 0 },
    });
    assert.match(judgePartition(gone).problems.join(), /1 of 1 dead letters/);
  });
});

describe('gathering', () => {
  test('the table is asked for the ranges that were read, neighbours joined', async () => {
    const ledger = await chainOf(of, [0, 10, 20]);
    await ledger.commit(entryOf(of, 20, 25, { kind: 'skip' }));
    await ledger.commit(entryOf(of, 25, 30));
    const known = await gatherLedger(ledger, of, signal);
    assert.ok(known);
    assert.deepEqual(
      known.runs.map(({ start, end }) => [start, end]),
      [
        [0n, 20n],
        [25n, 30n],
      ],
    );
    const names = { database: 'default', table: 'posts', topic: "it's" };
    const sql = tableQuery(names, new Map([[0, known]]));
    assert.match(sql, /kafka_offset >= 0L AND kafka_offset < 20L\) OR \(kafka_offset >= 25L/);
    assert.match(sql, /FROM `default`\.`posts` WHERE kafka_topic = 'it\\'s'/);
    assert.match(tableQuery(names, new Map()), /CASE WHEN FALSE/);
  });

  test('rows that a running consumer has added behind the walk are no problem; rows of nobody are', async () => {
    const ledger = await chainOf(of, [0, 10]);
    const bounds = new Map([[0, { logStart: 0n, highWatermark: 20n }]]);
    const rows = (lowest: bigint) => [
      { p: 0, inside: 1, n: 10n, d: 10n, lowest: 0n, highest: 9n },
      { p: 0, inside: 0, n: 4n, d: 4n, lowest, highest: lowest + 3n },
    ];
    const sources = { ledger, topic: 'posts', database: 'default', table: 'posts', bounds };
    const outsideWhen = async (lowest: bigint) => {
      const [found] = await gather({ ...sources, query: async () => rows(lowest) }, signal);
      return found?.table.outside;
    };
    assert.equal(await outsideWhen(10n), 4);
    const growing = async () => {
      await ledger.commit(entryOf(of, 10, 14));
      return rows(10n);
    };
    const [grown] = await gather({ ...sources, query: growing }, signal);
    assert.equal(grown?.table.outside, 0);
  });
});

describe('counting the topic', () => {
  const letter = (offset: string, topic = 'posts', table = 'default.posts') => ({
    offset: 0n,
    timestamp: 0,
    key: null,
    value: null,
    headers: {
      [DEAD_LETTER_HEADERS.topic]: [Buffer.from(topic)],
      [DEAD_LETTER_HEADERS.table]: [Buffer.from(table)],
      [DEAD_LETTER_HEADERS.partition]: [Buffer.from('0')],
      [DEAD_LETTER_HEADERS.offset]: [Buffer.from(offset)],
    },
  });

  test('each entry has its records counted, those the topic holds only in part left out', () => {
    const counts = new TopicCounts('posts', new Map([[0, { logStart: 5n, highWatermark: 30n }]]));
    for (const entry of [
      entryOf(of, 0, 10),
      entryOf(of, 10, 20),
      entryOf(of, 20, 25, { kind: 'skip' }),
      entryOf(of, 25, 30, { rows: 2 }),
    ]) {
      counts.expect(entry);
    }
    assert.deepEqual(counts.ranges, [{ ...of, start: 10n, end: 30n }]);
    for (let offset = 10n; offset < 28n; offset += 1n) counts.add(0, offset);
    const found = counts.result(0, false);
    assert.deepEqual([found?.from, found?.held, found?.read], [10n, 13, 12]);
    assert.deepEqual(found?.firstShort, { ...of, start: 25n, end: 30n });
  });

  test('nothing is read that lies behind the end of the topic: it would be waited for without end', () => {
    const counts = new TopicCounts('posts', new Map([[0, { logStart: 0n, highWatermark: 15n }]]));
    for (const entry of [entryOf(of, 0, 10), entryOf(of, 10, 20)]) counts.expect(entry);
    assert.deepEqual(counts.ranges, [{ ...of, start: 0n, end: 10n }]);
  });

  test('entries that are told again, because a roll-up was written meanwhile, are counted once', () => {
    const counts = new TopicCounts('posts', new Map([[0, { logStart: 0n, highWatermark: 30n }]]));
    for (const start of [0, 10, 10, 20]) counts.expect(entryOf(of, start, start + 10));
    for (let offset = 0n; offset < 30n; offset += 1n) counts.add(0, offset);
    const found = counts.result(0, false);
    assert.deepEqual([found?.held, found?.read], [30, 30]);
  });

  test('a dead letter that was sent twice counts once, one of another topic or table not at all', () => {
    const counts = new TopicCounts('posts', new Map([[0, { logStart: 0n, highWatermark: 10n }]]));
    counts.expect(entryOf(of, 0, 10));
    for (const one of [letter('3'), letter('3'), letter('4'), letter('5', 'other'), letter('x')]) {
      counts.addDeadLetter(one, 'default.posts');
    }
    counts.addDeadLetter(letter('6', 'posts', 'default.copy'), 'default.posts');
    counts.addDeadLetter({ ...letter('7'), headers: undefined }, 'default.posts');
    assert.equal(counts.result(0, false)?.deadLetters, 2);
  });
});

describe('the report', () => {
  test('a person reads a table, the accounting and every problem', async () => {
    const second = { ...(await facts({}, { rows: 17, distinct: 17 })), partition: 1 };
    const lines = reportLines(judge('posts', 'default.posts', [second, await facts()]));
    assert.match(lines[2] ?? '', /partition .* read .* written .* dead-lettered .* lag/);
    assert.match(lines[3] ?? '', /^ +0 /);
    assert.match(lines[5] ?? '', /^ +all /);
    assert.equal(new Set(lines.slice(2, 6).map((line) => line.length)).size, 1, 'aligned');
    assert.ok(
      lines.includes(
        'read ≠ written + dead-lettered + skipped: 40 ≠ 35 + 2 + 2; 1 missing, 0 doubled',
      ),
    );
    assert.ok(lines.some((line) => line.startsWith('problem: posts-1:')));
    assert.equal(lines.at(-1), 'topic, ledger and table do not agree');
  });

  test('what balances says so', async () => {
    const report = judge('posts', 'default.posts', [await facts()]);
    assert.equal(report.balanced, true);
    assert.equal(
      sentence(report.total),
      'read = written + dead-lettered + skipped: 20 = 18 + 1 + 1; 0 missing, 0 doubled',
    );
    assert.equal(reportLines(report).at(-1), 'topic, ledger and table agree');
  });

  test('a program reads one JSON object with offsets as strings', async () => {
    const json = JSON.parse(reportJson(judge('posts', 'default.posts', [await facts()])));
    assert.equal(json.balanced, true);
    assert.equal(json.partitions[0].position, '20');
    assert.equal(json.total.read, 20);
  });

  test('columns are as wide as their widest cell', () => {
    assert.deepEqual(
      aligned([
        ['a', 'bb'],
        ['100', '2'],
      ]),
      ['  a  bb', '100   2'],
    );
  });
});
