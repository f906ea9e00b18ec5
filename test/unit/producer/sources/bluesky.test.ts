// Posts of Bluesky through a stand-in for its Jetstream servers, with the faults the real ones have.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { systemClock } from '../../../../pipeline/clock.ts';
import { isCode, Stopping } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { type BlueskyOptions, BlueskySource } from '../../../../producer/sources/bluesky.ts';
import type { JetstreamCursor } from '../../../../producer/sources/jetstream-position.ts';
import { sourceContract } from '../../../contract/source.contract.ts';
import { JetstreamDouble, type JetstreamOptions } from '../../../doubles/bluesky.ts';
import { Timeline, type TimelineOptions } from '../../../doubles/timeline.ts';
import { readUntil } from '../../../support/source-reading.ts';

const LIMITS = {
  connectMs: 1000,
  stallMs: 700,
  sameHostMs: 200,
  otherHostMs: 1000,
  quietMs: 20,
  pauseFactor: 0.02,
};
/** For worlds without a silent server: on a loaded machine no time-out may come before what the test waits for. */
const PATIENT = { ...LIMITS, connectMs: 20_000, stallMs: 20_000 };
const doubles: JetstreamDouble[] = [];

after(() => Promise.all(doubles.map((double) => double.close())));

async function jetstream(
  posts: TimelineOptions | Timeline,
  options: Omit<JetstreamOptions, 'timeline'> = {},
): Promise<[JetstreamDouble, string]> {
  const timeline = posts instanceof Timeline ? posts : new Timeline(posts);
  const double = new JetstreamDouble({ timeline, ...options });
  doubles.push(double);
  return [double, await double.listen()];
}

const source = (hosts: readonly string[], options: Partial<BlueskyOptions> = {}) =>
  new BlueskySource({
    hosts,
    hashtags: ['#Kafka'],
    languages: [],
    retryMs: 30_000,
    log: silentLog,
    clock: systemClock,
    limits: PATIENT,
    ...options,
  });

async function world(
  posts: TimelineOptions,
  options: Omit<JetstreamOptions, 'timeline'> = {},
  limits = PATIENT,
) {
  const [double, host] = await jetstream(posts, options);
  const expected = Array.from({ length: posts.count ?? 0 }, (_, index) => double.idOf(index));
  return { double, expected, make: () => source([host], { limits }), dispose: async () => {} };
}

sourceContract('bluesky', {
  whole: () => world({ count: 40 }),
  troubled: () => world({ count: 600, rate: 1500 }, { misbehave: 3, postsBetween: 150 }, LIMITS),
  silent: [
    () => world({ count: 0 }),
    () => world({ count: 0 }, { misbehave: 1 }, LIMITS),
    async () => {
      const silent = await world({ count: 0 });
      silent.double.misbehave('black-hole');
      return silent;
    },
    async () => ({
      expected: [],
      make: () => source(['ws://127.0.0.1:9']),
      dispose: async () => {},
    }),
  ],
  refusing: async (status) => {
    const refusing = await world({ count: 0 });
    refusing.double.misbehave(status === 401 ? 'unauthorized' : 'forbidden');
    return refusing;
  },
});

suite('posts of Bluesky', () => {
  test('a cursor older than what the server keeps is told as a gap with its length', async () => {
    const [, host] = await jetstream({ count: 50_000 }, { keepMs: 10_000 });
    await readUntil(source([host]), undefined, (ids) => ids.size > 0);
    const from = Date.now() - 3 * 3_600_000;
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => warnings.push(message) };
    const reader = source([host], { log });
    await readUntil(reader, { hosts: { [host]: from * 1000 } }, (ids) => ids.size === 20);
    const [gap, ...others] = reader.gaps;
    assert.equal(others.length, 0);
    assert.equal(gap?.from, from);
    assert.ok(Math.abs((gap?.to ?? 0) - (Date.now() - 10_000)) < 5000, 'to the first post kept');
    assert.match(warnings.join(), /the 2 h 59 min after .* are missing/);
  });

  test('frames that are no JSON or hold no time are left out, and are no place to resume from', async () => {
    const leftOut = async (faults: readonly string[]) => {
      const [double, host] = await jetstream({ count: 40 });
      for (const fault of faults) double.misbehave(fault);
      const reader = source([host]);
      await readUntil(reader, undefined, (ids) => ids.has(double.idOf(39)));
      return reader.leftOut;
    };
    assert.equal((await leftOut(['garbage'])) - (await leftOut([])), 2);
  });

  test('a server that skips posts after a reconnect is told, too, and a whole one is not', async () => {
    const [double, host] = await jetstream({ count: 400, rate: 1000 });
    const reader = source([host], { limits: { ...PATIENT, sameHostMs: 1 } });
    const orders = new Map([
      [100, ['drop']],
      [200, ['drop', 'clamp']],
    ]);
    const seen = await readUntil(reader, undefined, (ids) => {
      for (const fault of orders.get(ids.size) ?? []) double.misbehave(fault);
      orders.delete(ids.size);
      return ids.has(double.idOf(399));
    });
    assert.equal(reader.gaps.length, 1);
    assert.ok(seen.size < 400);
  });

  test('another host takes over, asked from further back, and keeps the stream', async () => {
    const timeline = new Timeline({ count: 500, rate: 1000 });
    const [one, first] = await jetstream(timeline);
    const [two, second] = await jetstream(timeline, { skewMs: -500 });
    const cursors: JetstreamCursor[] = [];
    const seen = await readUntil(source([first, second]), undefined, (ids, { cursor }) => {
      cursors.push(cursor);
      if (ids.size === 100) for (const fault of ['goodbye', 'refuse']) one.misbehave(fault);
      return ids.size === 500;
    });
    assert.equal(seen.size, 500);
    assert.equal(one.requests.length, 2, 'asked again first, for it may have been restarted');
    const last = cursors.at(-1)?.hosts[first] ?? 0;
    const asked = Number(new URL(two.requests[0] ?? '', 'ws://x').searchParams.get('cursor'));
    assert.equal(asked, last - 1_000_000);
  });

  test('sends only posts in the languages asked for, and counts the others', async () => {
    const [, host] = await jetstream({ count: 140 });
    const reader = source([host], { languages: ['de', 'und'] });
    const seen = await readUntil(reader, undefined, (ids) => ids.size === 20);
    const languages = [...seen.values()].map(
      ({ record }) => JSON.parse(String(record?.value)).lang,
    );
    assert.deepEqual(new Set(languages), new Set(['de', null]));
    assert.ok(reader.leftOut > 100, `${reader.leftOut}`);
  });

  test('moves its cursor on and answers pings while no post is wanted', async () => {
    const [double, host] = await jetstream({ rate: 200 }, { pingMs: 20 });
    const cursors: JetstreamCursor[] = [];
    const stop = new AbortController();
    const reader = source([host], { hashtags: ['nobody'] });
    for await (const { record, cursor } of reader.read(undefined, stop.signal)) {
      assert.equal(record, undefined);
      cursors.push(cursor);
      if (cursors.length === 15) stop.abort(new Stopping('test'));
    }
    assert.deepEqual(
      cursors.toSorted((a, b) => (a.hosts[host] ?? 0) - (b.hosts[host] ?? 0)),
      cursors,
    );
    assert.equal(double.requests.length, 1, 'one connection');
    assert.ok(double.pongs > 0, 'pings were answered');
  });

  test('gives up with SOURCE_UNAVAILABLE when no host worked for retryMs', async () => {
    const reading = source(['ws://127.0.0.1:9'], { retryMs: 100 }).read(
      undefined,
      new AbortController().signal,
    );
    await assert.rejects(
      reading.next(),
      (error) =>
        isCode(error, 'SOURCE_UNAVAILABLE') && /ECONNREFUSED.*tried for/.test(error.message),
    );
  });
});
