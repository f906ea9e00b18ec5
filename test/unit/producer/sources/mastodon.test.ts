// Posts of Mastodon through a stand-in for its servers: live with a token, by asking again and again without one.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from '../../../../params/secret.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { isCode, PipelineError } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { type MastodonOptions, MastodonSource } from '../../../../producer/sources/mastodon.ts';
import { sourceContract } from '../../../contract/source.contract.ts';
import {
  type MastodonOptions as DoubleOptions,
  MastodonDouble,
} from '../../../doubles/mastodon.ts';
import { Timeline, type TimelineOptions } from '../../../doubles/timeline.ts';
import { heardLog } from '../../../support/heard-log.ts';
import { readUntil } from '../../../support/source-reading.ts';

const TOKEN = 'canary-token-of-the-test';
const LIMITS = { answerMs: 1000, stallMs: 700, pollMs: 10, overlapMs: 300, pauseFactor: 0.02 };
/** For worlds without a silent server: on a loaded machine no time-out may come before what the test waits for. */
const PATIENT = { ...LIMITS, answerMs: 20_000, stallMs: 20_000, overlapMs: 0 };
const doubles: MastodonDouble[] = [];

after(() => Promise.all(doubles.map((double) => double.close())));

type Faulty = Omit<Partial<DoubleOptions>, 'timeline'>;

async function mastodon(
  posts: TimelineOptions | Timeline,
  options: Faulty = {},
): Promise<[MastodonDouble, string]> {
  const timeline = posts instanceof Timeline ? posts : new Timeline(posts);
  const double = new MastodonDouble({ timeline, token: TOKEN, requestsMax: 100_000, ...options });
  doubles.push(double);
  return [double, await double.listen()];
}

const source = (url: string, token?: string, options: Partial<MastodonOptions> = {}) =>
  new MastodonSource({
    server: { url, token: token === undefined ? undefined : new Secret(token) },
    hashtag: '#Kafka',
    languages: [],
    retryMs: 30_000,
    log: silentLog,
    clock: systemClock,
    limits: PATIENT,
    ...options,
  });

async function world(
  token: string | undefined,
  posts: TimelineOptions,
  options: Faulty = {},
  limits = PATIENT,
) {
  const [double, url] = await mastodon(posts, options);
  const expected = Array.from({ length: posts.count ?? 0 }, (_, index) => double.idOf(index));
  return { double, expected, make: () => source(url, token, { limits }), dispose: async () => {} };
}

for (const token of [undefined, TOKEN]) {
  sourceContract(token === undefined ? 'mastodon without a token' : 'mastodon with a token', {
    whole: () => world(token, { count: 45 }),
    troubled: () =>
      world(token, { count: 400, rate: 1500 }, { misbehave: 5, postsBetween: 100 }, LIMITS),
    silent: [
      () => world(token, { count: 0 }),
      async () => {
        const silent = await world(token, { count: 0 });
        silent.double.misbehave('black-hole');
        return silent;
      },
      async () => ({
        expected: [],
        make: () => source('http://127.0.0.1:9', token),
        dispose: async () => {},
      }),
    ],
    refusing: async (status) => {
      const refusing = await world(token, { count: 0 });
      refusing.double.misbehave(status === 401 ? 'unauthorized' : 'forbidden');
      return refusing;
    },
  });
}

suite('posts of Mastodon', () => {
  test('without a token: more posts between two looks than a page holds, late ones and an empty page', async () => {
    const [double, url] = await mastodon({ count: 300, rate: 1000 }, { lateMs: 100 });
    const limits = { ...PATIENT, pollMs: 80, overlapMs: 300 };
    let order = true;
    const seen = await readUntil(source(url, undefined, { limits }), undefined, (ids) => {
      if (ids.size > 100 && order) double.misbehave('empty-page');
      order &&= ids.size <= 100;
      return ids.size === 300;
    });
    assert.equal(seen.size, 300);
    assert.ok(double.requests[0]?.endsWith('/tag/kafka?limit=1'), double.requests[0]);
    assert.ok(double.requests[1]?.endsWith('min_id=0'), double.requests[1]);
  });

  for (const token of [undefined, TOKEN]) {
    const way = token === undefined ? 'without a token' : 'with a token';
    test(`${way}: posts that come late while a look is interrupted are read`, async () => {
      const late = { lateMs: 300, heartbeatMs: 20 };
      // Far more than comes late, all there at once: the look takes several pages. Or it is caught by the present on its way.
      const posts = token ? { count: 200 } : { count: 1000, rate: 500 };
      const [double, url] = await mastodon(posts, late);
      const limits = { ...PATIENT, overlapMs: 400, pauseFactor: 1 };
      const orders = new Set([65]);
      const seen = await readUntil(source(url, token, { limits }), undefined, (ids) => {
        if (orders.delete(ids.size)) double.misbehave('unavailable');
        return ids.size === posts.count;
      });
      const missing = [...Array(posts.count).keys()].filter((at) => !seen.has(double.idOf(at)));
      assert.deepEqual(missing, []);
    });
  }

  test('stays away when the server says that no request is left', async () => {
    const [double, url] = await mastodon(
      { count: 200, rate: 500 },
      { requestsMax: 6, windowMs: 250 },
    );
    const seen = await readUntil(source(url), undefined, (ids) => ids.size === 200);
    assert.equal(seen.size, 200);
    assert.equal(double.faults.counts.size, 0);
  });

  test('with a token: live, filled up after each connection', async () => {
    const [double, url] = await mastodon({ rate: 500 }, { heartbeatMs: 20 });
    const streams = () => double.requests.filter((path) => path.includes('/streaming/')).length;
    const orders = new Set([50, 150]);
    const seen = await readUntil(source(url, TOKEN), undefined, (ids) => {
      if (orders.delete(ids.size)) double.misbehave('drop');
      return ids.size > 250 && streams() >= 3;
    });
    const missing = [...Array(250).keys()].filter((index) => !seen.has(double.idOf(index)));
    assert.deepEqual(missing, []);
  });

  test('characters that are cut between two chunks of the stream arrive whole', async () => {
    const [double, url] = await mastodon({ count: 40, rate: 400 });
    double.misbehave('split');
    const seen = await readUntil(source(url, TOKEN), undefined, (ids) => ids.size === 40);
    for (let index = 0; index < 40; index += 1) {
      const post = JSON.parse(String(seen.get(double.idOf(index))?.record?.value));
      assert.equal(post.text, double.textOf(index));
    }
  });

  test('follows the redirect of large servers to another host, with its token', async () => {
    const timeline = new Timeline({ count: 20, rate: 200 });
    const [, streamsAt] = await mastodon(timeline);
    const [, url] = await mastodon(timeline, { streamsAt });
    const seen = await readUntil(source(url, TOKEN), undefined, (ids) => ids.size === 20);
    assert.equal(seen.size, 20);
  });

  test('the same post on two servers is one: same id, same text, same time', async () => {
    const timeline = new Timeline({ count: 10 });
    const [, first] = await mastodon(timeline);
    const one = await readUntil(source(first), undefined, (ids) => ids.size === 10);
    const [, second] = await mastodon(timeline);
    const two = await readUntil(source(second), { id: '0' }, (ids) => ids.size === 10);
    const values = (seen: typeof one) =>
      [...seen.values()].map(({ id, record }) => {
        const { text, created_at: time } = JSON.parse(String(record?.value));
        return [id, text, time];
      });
    assert.deepEqual(values(one), values(two));
  });

  test('a closed server ends it with what to do', async () => {
    const [, url] = await mastodon({ count: 1 }, { isClosed: true });
    const reading = source(url).read(undefined, new AbortController().signal);
    await assert.rejects(
      reading.next(),
      (error) =>
        isCode(error, 'SOURCE_REJECTED') &&
        /422/.test(error.message) &&
        /token/.test(error.hint ?? ''),
    );
  });

  test('a wrong token ends it and never shows', async () => {
    const [, url] = await mastodon({ count: 1 });
    const reading = source(url, 'wrong-canary').read(undefined, new AbortController().signal);
    await assert.rejects(reading.next(), (error) => {
      assert.ok(!inspect(error, { depth: 10 }).includes('wrong-canary'));
      return isCode(error, 'SOURCE_REJECTED') && /401/.test(error.message);
    });
  });

  test('sends only posts in the languages asked for, and counts the others', async () => {
    const [, url] = await mastodon({ count: 140 });
    const reader = source(url, undefined, { languages: ['de', 'und'] });
    const seen = await readUntil(reader, undefined, (ids) => ids.size === 20);
    const languages = [...seen.values()].map(
      ({ record }) => JSON.parse(String(record?.value)).lang,
    );
    assert.deepEqual(new Set(languages), new Set(['de', null]));
    assert.ok(reader.leftOut > 100, `${reader.leftOut}`);
  });

  test('a stream that breaks right after its greeting is not worth keeping, whatever the timeline shows again', async () => {
    const [, pages] = await mastodon({ count: 30 });
    const server = createServer(async ({ url = '', headers }, response) => {
      if (url.includes('/streaming/')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':)\n');
        setTimeout(() => response.destroy(), 5);
        return;
      }
      const { authorization = '' } = headers;
      const page = await fetch(`${pages}${url}`, { headers: { authorization } });
      response.writeHead(page.status).end(await page.text());
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const options = { retryMs: 500, limits: { ...PATIENT, overlapMs: 60_000 } };
    const reading = readUntil(
      source(`http://127.0.0.1:${port}`, TOKEN, options),
      { id: '0' },
      () => false,
    );
    const late = setTimeout(() => assert.fail('it goes on for ever'), 15_000);
    await assert.rejects(
      reading,
      (error) => isCode(error, 'SOURCE_UNAVAILABLE') && /tried for/.test(error.message),
    );
    clearTimeout(late);
    server.close();
  });

  test('what is no status in a page of the timeline counts as left out, and is told once', async () => {
    const [, pages] = await mastodon({ count: 3 });
    const server = createServer(async ({ url = '' }, response) => {
      const statuses = (await (await fetch(`${pages}${url}`)).json()) as object[];
      response.end(JSON.stringify([{ id: '1', content: null }, ...statuses]));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const { log, lines } = heardLog();
    const reader = source(`http://127.0.0.1:${port}`, undefined, { log });
    const seen = await readUntil(reader, { id: '0' }, () => reader.leftOut > 2);
    server.close();
    assert.equal(seen.size, 3);
    assert.equal(lines.filter((line) => /no status/.test(line)).length, 1, lines.join());
  });

  test('gives up with SOURCE_UNAVAILABLE when nothing worked for retryMs', async () => {
    const reading = source('http://127.0.0.1:9', TOKEN, { retryMs: 100 }).read(
      undefined,
      new AbortController().signal,
    );
    await assert.rejects(
      reading.next(),
      (error) =>
        error instanceof PipelineError &&
        error.code === 'SOURCE_UNAVAILABLE' &&
        /tried for/.test(error.message),
    );
  });
});
