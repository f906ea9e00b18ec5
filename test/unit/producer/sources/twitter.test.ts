// Posts of X through a stand-in for its API: the law of sources, with a stream and without, and its faults.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from '../../../../params/secret.ts';
import { isCode, Stopping } from '../../../../pipeline/errors.ts';
import type { XCursor } from '../../../../producer/sources/x-cursor.ts';
import { type SourceWorlds, sourceContract } from '../../../contract/source.contract.ts';
import type { TimelineOptions } from '../../../doubles/timeline.ts';
import type { XApiOptions } from '../../../doubles/x-api.ts';
import { eventually } from '../../../support/eventually.ts';
import { readUntil } from '../../../support/source-reading.ts';
import { X_TOKEN, type XWorld, xWorld } from '../../../support/x-world.ts';

const worlds: XWorld[] = [];

after(() => Promise.all(worlds.map((world) => world.dispose())));

async function world(posts: TimelineOptions, options: Partial<XApiOptions> = {}, factor = 100) {
  const made = await xWorld(posts, options, factor);
  worlds.push(made);
  return made;
}

async function contractWorld(posts: TimelineOptions, options: Partial<XApiOptions>, factor = 100) {
  const made = await xWorld(posts, options, factor);
  const { double, dispose } = made;
  return { double, dispose, expected: made.ids(posts.count ?? 0), make: () => made.source() };
}

const contract = (lacks: readonly 'stream'[]): SourceWorlds<XCursor> => ({
  whole: () => contractWorld({ count: 45, rate: 1 }, { lacks }),
  troubled: () =>
    contractWorld({ count: 600, rate: 2 }, { lacks, misbehave: 5, postsBetween: 60 }, 300),
  silent: [
    () => contractWorld({ count: 0 }, { lacks }),
    async () => {
      const silent = await contractWorld({ count: 0 }, { lacks });
      silent.double.misbehave('black-hole');
      return silent;
    },
    async () => {
      const made = await world({ count: 0 });
      const config = { apiUrl: 'http://127.0.0.1:9', bearerToken: new Secret(X_TOKEN) };
      return { expected: [], make: () => made.source({ config }), dispose: async () => {} };
    },
  ],
  refusing: async (status) => {
    const refusing = await contractWorld({ count: 0 }, { lacks });
    refusing.double.misbehave(status === 401 ? 'unauthorized' : 'forbidden');
    return refusing;
  },
});

sourceContract('x', contract([]));
sourceContract('x where the plan has no stream', contract(['stream']));

suite('posts of X', () => {
  test('characters that are cut between two chunks of the stream arrive whole', async () => {
    const { double, source } = await world({ count: 60, rate: 10 }, { pieceBytes: 61 });
    const seen = await readUntil(source(), undefined, (ids) => ids.size === 60);
    for (let index = 0; index < 60; index += 1) {
      const { id, text } = double.post(index);
      assert.equal(JSON.parse(String(seen.get(id)?.record?.value)).text, text);
    }
  });

  test('a stream that is silent, cut, garbled or says goodbye is opened again, and none is left over', async () => {
    const { double, source, ids } = await world({ rate: 1 });
    const faults = ['stall', 'drop', 'garbage', 'goodbye'];
    const seen = await readUntil(source(), undefined, (found) => {
      // One for each stream, when it has brought something.
      const isDue = double.streamsOpened === 5 - faults.length && !double.faults.hasOrders;
      const [fault] = faults;
      if (fault && isDue && found.size > 60 * double.streamsOpened) {
        double.misbehave(fault);
        faults.shift();
      }
      return double.streamsOpened === 5 && found.size > 600;
    });
    assert.equal(double.streamsOpened, 5);
    assert.deepEqual([...seen.keys()].slice(0, 600), ids(600));
    await eventually(() => assert.equal(double.openConnections, 0));
  });

  for (const second of ['refused', 'takes-over'] as const) {
    test(`another reader of the app that is ${second}: nothing is lost`, async () => {
      const { double, source, ids } = await world({ rate: 1 }, { second });
      const stop = new AbortController();
      let other: Promise<unknown> | undefined;
      const seen = await readUntil(source(), undefined, (found) => {
        if (found.size >= 20) other ??= source().read(undefined, stop.signal).next();
        if (found.size > 200) stop.abort(new Stopping('test'));
        return found.size > 400;
      });
      assert.deepEqual([...seen.keys()].slice(0, 400), ids(400));
      const streams = double.requests.filter((path) =>
        path.startsWith('GET /2/tweets/search/stream?'),
      );
      assert.ok(streams.length >= (second === 'refused' ? 2 : 3), streams.join());
      await other?.catch(() => undefined);
    });
  }

  test('posts that came only for the rules of others in the app are left out', async () => {
    const { double, source } = await world({ rate: 1 });
    const reader = source();
    const seen = await readUntil(reader, undefined, (found) => {
      // What the stream says of its posts from its next connection on.
      if (found.size === 10) double.rules.splice(0, 1, { id: '7', value: 'cats', tag: 'others' });
      if (found.size === 10) double.misbehave('drop');
      return reader.leftOut > 0;
    });
    assert.ok(reader.leftOut > 0);
    assert.ok(seen.size > 10);
  });

  for (const [fault, status, words] of [
    ['unauthorized', 401, /KH_X__BEARER_TOKEN/],
    ['no-credits', 402, /credits/],
    ['forbidden', 403, /plan/],
  ] as const) {
    test(`${status} ends it with what to do, and the token never shows`, async () => {
      const { double, source } = await world({ count: 0 });
      double.misbehave(fault);
      const reading = source().read(undefined, new AbortController().signal);
      await assert.rejects(reading.next(), (error) => {
        assert.ok(!inspect(error, { depth: 10 }).includes(X_TOKEN));
        return (
          isCode(error, 'SOURCE_REJECTED') &&
          error.message.includes(String(status)) &&
          words.test(error.hint ?? '')
        );
      });
    });
  }

  test('gives up with SOURCE_UNAVAILABLE when nothing answers for retryMs', async () => {
    const { source } = await world({ count: 0 });
    const config = { apiUrl: 'http://127.0.0.1:9', bearerToken: new Secret(X_TOKEN) };
    const reading = source({ config, retryMs: -1 }).read(undefined, new AbortController().signal);
    await assert.rejects(
      reading.next(),
      (error) => isCode(error, 'SOURCE_UNAVAILABLE') && /ECONNREFUSED/.test(error.message),
    );
  });
});
