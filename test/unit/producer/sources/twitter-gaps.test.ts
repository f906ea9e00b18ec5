// What X brings back of the time without a stream, through a stand-in for its API on a fast clock.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { idAt } from '../../../../clients/twitter/snowflake.ts';
import type { Clock } from '../../../../pipeline/clock.ts';
import { isCode } from '../../../../pipeline/errors.ts';
import type { Source } from '../../../../pipeline/source.ts';
import type { XCursor } from '../../../../producer/sources/x-cursor.ts';
import { eventually } from '../../../support/eventually.ts';
import { heardLog } from '../../../support/heard-log.ts';
import { readUntil } from '../../../support/source-reading.ts';
import { type XWorld, xWorld } from '../../../support/x-world.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const worlds: XWorld[] = [];

after(() => Promise.all(worlds.map((world) => world.dispose())));

async function world(...options: Parameters<typeof xWorld>): Promise<XWorld> {
  const made = await xWorld(...options);
  worlds.push(made);
  return made;
}

/** The cursor after `count` posts, as a kill would leave it. */
async function cursorAfter(source: Source<XCursor>, count: number): Promise<XCursor> {
  let cursor: XCursor | undefined;
  await readUntil(source, undefined, (seen, last) => {
    cursor = last.cursor;
    return seen.size === count;
  });
  return cursor ?? assert.fail('nothing was read');
}

const offBy = (ms: number, clock: Clock): Clock => ({
  now: () => clock.now() + ms,
  monotonic: () => clock.monotonic(),
  sleep: (pauseMs, signal) => clock.sleep(pauseMs, signal),
});

suite('gaps of X', () => {
  for (const [plan, lacks] of [
    ['a stream', []],
    ['recent search only', ['stream']],
  ] as const) {
    test(`10 minutes away with ${plan} and no backfill lose nothing, and the order stays`, async () => {
      const { double, source, clock, ids } = await world({ rate: 2 }, { lacks });
      const cursor = await cursorAfter(source(), 50);
      clock.skip(10 * MINUTE_MS);
      const reader = source();
      const seen = await readUntil(reader, cursor, (found) => found.size >= 1500);
      const all = ids(2000);
      const first = all.indexOf([...seen.keys()][0] ?? '');
      assert.ok(first >= 0 && first <= 50, `it begins with ${first}`);
      assert.deepEqual([...seen.keys()], all.slice(first, first + seen.size));
      assert.deepEqual(reader.gaps, []);
      assert.ok(double.requests.every((path) => !path.includes('backfill')));
    });
  }

  test('several hashtags are as few rules as X takes, and a post is found by each search once', async () => {
    const hashtags = ['kafka', ...Array.from({ length: 60 }, (_, index) => `a-long-tag${index}`)];
    const { double, source, clock, ids } = await world({ rate: 1 });
    const cursor = await cursorAfter(source({ hashtags }), 20);
    assert.equal(double.rules.length, 2);
    clock.skip(5 * MINUTE_MS);
    const seen = await readUntil(source({ hashtags }), cursor, (found) => found.size > 400);
    const first = ids(30).indexOf([...seen.keys()][0] ?? '');
    assert.deepEqual([...seen.keys()], ids(1000).slice(first, first + seen.size));
  });

  test('a clock of ours that is an hour fast passes over nothing', async () => {
    const { source, clock, ids } = await world({ rate: 2 });
    const fast = offBy(60 * MINUTE_MS, clock);
    const cursor = await cursorAfter(source({ clock: fast }), 20);
    clock.skip(5 * MINUTE_MS);
    const seen = await readUntil(source({ clock: fast }), cursor, (found) => found.size > 700);
    const all = ids(2000);
    const first = all.indexOf([...seen.keys()][0] ?? '');
    assert.ok(first <= 20, `it begins with ${first}`);
    assert.deepEqual([...seen.keys()], all.slice(first, first + seen.size));
  });

  test('with a clock of ours that is off, the end of a rate limit is still that of X', async () => {
    for (const minutes of [-10, 10]) {
      const { log, lines } = heardLog();
      const limited = { searchesMax: 4, lacks: ['stream'] } as const;
      const { source, clock } = await world({ rate: 2 }, limited, 600);
      const off = source({ clock: offBy(minutes * MINUTE_MS, clock), log });
      await readUntil(off, undefined, () => lines.some((line) => /again in/.test(line)));
      const [, pause] = /429.*again in (\d+) ms/.exec(lines.join()) ?? [];
      // Searches come each 30 s, so the fifth one comes long before the window of 15 minutes ends.
      assert.ok(Number(pause) > 9 * MINUTE_MS && Number(pause) < 15 * MINUTE_MS, `${pause} ms`);
    }
  });

  test('a quiet stream moves the cursor on', async () => {
    const { source, clock } = await world({ count: 0 });
    const wanted = clock.now() + 2 * MINUTE_MS;
    await readUntil(source(), undefined, (_, { cursor }) => BigInt(cursor.id) > idAt(wanted));
  });

  test('what is older than 7 days is told as a gap with its length', async () => {
    const { log, lines } = heardLog();
    const { source, clock } = await world({ rate: 1 });
    const ago = clock.now() - 9 * DAY_MS;
    const reader = source({ log });
    const seen = await readUntil(reader, { id: String(idAt(ago)) }, (found) => found.size > 5);
    assert.equal(seen.size, 6);
    const [gap] = reader.gaps;
    assert.equal(gap?.from, ago);
    assert.ok(Math.abs((gap?.to ?? 0) - (ago + 2 * DAY_MS)) < 5 * MINUTE_MS, `${gap?.to}`);
    assert.ok(lines.some((line) => /missing: the search of X reaches back 7 days/.test(line)));
  });

  test('a plan with a stream and without search goes on, and tells the gap', async () => {
    const { source, clock, double } = await world({ rate: 1 }, { lacks: ['search'] });
    const cursor = await cursorAfter(source(), 20);
    clock.skip(MINUTE_MS);
    const reader = source();
    const seen = await readUntil(reader, cursor, (found) => found.size > 100);
    assert.ok(seen.size > 100);
    assert.equal(reader.gaps.length, 1);
    assert.match(reader.gaps[0]?.why ?? '', /403/);
    assert.equal(double.streamsOpened, 2);
  });

  test('backfill brings the minutes back without search, where the plan has it', async () => {
    const { double, source, clock, ids } = await world({ rate: 1 }, { hasBackfill: true });
    const wishes = { backfillMinutes: 5 };
    const cursor = await cursorAfter(source({ wishes }), 20);
    clock.skip(MINUTE_MS);
    const seen = await readUntil(source({ wishes }), cursor, (found, { cursor: { id } }) => {
      if (found.size < 70) assert.equal(id, cursor.id, 'held while older posts may come');
      return found.size > 300 && id !== cursor.id;
    });
    assert.ok(double.requests.some((path) => path.includes('backfill_minutes=5')));
    assert.ok(double.requests.every((path) => !path.includes('/recent')));
    const found = [...seen.keys()];
    assert.ok(ids(20).includes(found[0] ?? ''));
  });

  test('a plan without backfill falls back to search, with a warning', async () => {
    const { log, lines } = heardLog();
    const { source, clock, ids } = await world({ rate: 1 });
    const wishes = { backfillMinutes: 2 };
    const cursor = await cursorAfter(source({ wishes }), 20);
    clock.skip(5 * MINUTE_MS);
    const seen = await readUntil(source({ wishes, log }), cursor, (found) => found.size > 400);
    const first = ids(30).indexOf([...seen.keys()][0] ?? '');
    assert.deepEqual([...seen.keys()], ids(1000).slice(first, first + seen.size));
    assert.ok(lines.some((line) => /without producer.x.backfillMinutes/.test(line)));
  });

  test('search that is out of requests waits for its reset, and says so once', async () => {
    const { log, lines } = heardLog();
    const { source, clock, ids } = await world(
      { rate: 5 },
      { searchesMax: 6, lacks: ['stream'] },
      600,
    );
    const cursor = await cursorAfter(source(), 20);
    clock.skip(5 * MINUTE_MS);
    const seen = await readUntil(source({ log }), cursor, (found) => found.size > 1300);
    const first = ids(400).indexOf([...seen.keys()][0] ?? '');
    assert.deepEqual([...seen.keys()], ids(30_000).slice(first, first + seen.size));
    const told = lines.filter((line) => /X allows 6 requests for search: 0 left/.test(line));
    const refused = lines.filter((line) => /429/.test(line));
    assert.ok(refused.length >= 1 && told.length <= refused.length + 1, `${told} ${refused}`);
  });

  test('a refusal while requests are left is no reason to wait for the reset', async () => {
    const { double, source, clock } = await world({ rate: 1 }, { lacks: ['stream'] });
    let refusedAt = 0;
    await readUntil(source(), undefined, (found) => {
      if (found.size > 0 && refusedAt === 0) {
        refusedAt = clock.now();
        double.misbehave('unavailable');
      }
      return found.size > 60 && double.faults.counts.get('unavailable') === 1;
    });
    const tookMs = clock.now() - refusedAt;
    assert.ok(tookMs < 5 * MINUTE_MS, `${tookMs} ms`);
  });

  test('limits.postsPerDay stops reading, says when it goes on, and holds over a restart', async () => {
    const { log, lines } = heardLog();
    const { double, source } = await world({ rate: 1 });
    const limited = () => source({ log, postsPerDay: 50 });
    const stop = new AbortController();
    const seen: string[] = [];
    let cursor: XCursor | undefined;
    const reading = (async () => {
      for await (const item of limited().read(undefined, stop.signal)) {
        cursor = item.cursor;
        if (item.id !== undefined) seen.push(item.id);
      }
    })();
    const told = () =>
      lines.filter((line) => /postsPerDay \(50\) is reached.*T00:00:02/.test(line));
    await eventually(() => assert.equal(told().length, 1));
    assert.equal(seen.length, 50);
    await eventually(() => assert.equal(double.openConnections, 0));
    stop.abort();
    await reading;
    assert.equal(cursor?.spent?.posts, 50);
    const requests = double.requests.length;
    const again = limited().read(cursor, AbortSignal.timeout(300));
    assert.equal((await again.next()).done, true);
    assert.equal(double.requests.length, requests, 'nothing is asked for any more');
    assert.equal(told().length, 2);
    assert.ok(lines.some((line) => /read 50 posts of X today, for \$0\.75 at most/.test(line)));
  });

  test('a limit that is reached while a stream waits for search closes the stream', async () => {
    const { double, source } = await world({ rate: 10 }, {}, 20);
    const cursor = await cursorAfter(source(), 20);
    await eventually(() => assert.equal(double.openConnections, 0));
    const stop = new AbortController();
    const reading = source({ postsPerDay: 40 }).read({ id: cursor.id }, stop.signal).next();
    await eventually(() => assert.equal(double.streamsOpened, 2));
    await eventually(() => assert.equal(double.openConnections, 0));
    assert.ok(
      double.requests.every((path) => !path.includes('/recent')),
      'search comes later',
    );
    stop.abort();
    await reading;
  });

  test('on the next day it goes on where it stopped', async () => {
    const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS - 3 * MINUTE_MS;
    const { source, ids } = await world({ rate: 1 }, {}, 100, startMs);
    const reader = source({ postsPerDay: 150 });
    const seen = await readUntil(reader, undefined, (found) => found.size === 200);
    assert.deepEqual([...seen.keys()], ids(200));
  });

  test('rules of others stay; they make room only when that is allowed, the oldest first', async () => {
    const { double, source } = await world({ rate: 1 }, { rulesMax: 3 });
    const others = ['2', '10', '1'].map((id) => ({ id, value: `rule${id}`, tag: 'others' }));
    double.rules.push(...others);
    const { signal } = new AbortController();
    const asked: string[] = [];
    const ask = (answer: boolean) => async (values: readonly string[]) => {
      asked.push(...values);
      return answer;
    };
    const wishes = { replaceRules: true };
    for (const options of [{}, { mayDelete: ask(true) }, { wishes, mayDelete: ask(false) }]) {
      await assert.rejects(
        source(options).read(undefined, signal).next(),
        (error) => isCode(error, 'SOURCE_REJECTED') && /--replace-rules/.test(error.hint ?? ''),
      );
      assert.deepEqual(double.rules, others);
    }
    assert.deepEqual(asked, ['rule1'], 'asked only where it is allowed, for the oldest');
    await readUntil(source({ wishes }), undefined, (found) => found.size === 3);
    assert.deepEqual(
      double.rules.map(({ value }) => value),
      ['rule2', 'rule10', '#kafka'],
    );
  });

  test('rules that somebody deleted are set again, and what they missed is searched for', async () => {
    const { double, source, ids } = await world({ rate: 1 });
    let isDeleted = false;
    const seen = await readUntil(source(), undefined, (found) => {
      if (found.size === 20 && !isDeleted) {
        isDeleted = true;
        double.rules.splice(0);
        double.misbehave('drop');
      }
      return found.size === 200;
    });
    assert.deepEqual([...seen.keys()], ids(200));
    assert.equal(double.rules.length, 1);
  });

  test('another hashtag replaces our rule, and only ours', async () => {
    const { double, source } = await world({ rate: 1 });
    double.rules.push({ id: '1', value: 'cats', tag: 'somebody' });
    double.rules.push({ id: '2', value: '#old', tag: 'kafka-hive' });
    const options = { hashtags: ['#Kafka', '＃kafka', 'hive'], languages: ['en', 'und'] };
    await readUntil(source(options), undefined, () => true);
    const rules = double.rules.map(({ value, tag }) => `${value} ${tag}`);
    assert.deepEqual(rules, [
      'cats somebody',
      '(#kafka OR #hive) (lang:en OR lang:und) kafka-hive',
    ]);
  });
});
