// Posts of Bluesky and Mastodon through doubles with all their faults mixed, the producer and a real Kafka.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Secret } from '../../params/secret.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { createLog } from '../../pipeline/log.ts';
import type { Source } from '../../pipeline/source.ts';
import { runProducer } from '../../producer/producer.ts';
import { BlueskySource } from '../../producer/sources/bluesky.ts';
import { MastodonSource } from '../../producer/sources/mastodon.ts';
import { JetstreamDouble } from '../doubles/bluesky.ts';
import type { Double } from '../doubles/loopback.ts';
import { MastodonDouble } from '../doubles/mastodon.ts';
import { Timeline } from '../doubles/timeline.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { readUntil } from '../support/source-reading.ts';
import { readTopic } from '../support/topic.ts';

const TOKEN = 'canary-token-of-the-test';
const doubles: (Double & { readonly openConnections: number })[] = [];
let logged = '';
const stream = new Writable({
  write(chunk, _, done) {
    logged += chunk;
    done();
  },
});
const log = createLog({ level: 'debug', format: 'json', stream });
const common = { languages: [], retryMs: 60_000, log, clock: systemClock };
const pauses = { stallMs: 500, pauseFactor: 0.02 };

after(() => Promise.all(doubles.map((double) => double.close())));

async function jetstream(timeline: Timeline, misbehave?: number, skewMs = 0) {
  const double = new JetstreamDouble({ timeline, misbehave, skewMs, pingMs: 500 });
  doubles.push(double);
  return { double, host: await double.listen() };
}

const bluesky = (...hosts: readonly string[]) =>
  new BlueskySource({
    ...{ ...common, hosts, hashtags: ['#Kafka'] },
    limits: { ...pauses, connectMs: 1000, sameHostMs: 200, otherHostMs: 1000 },
  });

async function mastodon(timeline: Timeline, misbehave?: number, token?: string) {
  const options = { requestsMax: 40, windowMs: 300, lateMs: 100, heartbeatMs: 100 };
  const double = new MastodonDouble({ timeline, misbehave, token: TOKEN, ...options });
  doubles.push(double);
  const url = await double.listen();
  const source = new MastodonSource({
    ...{ ...common, hashtag: 'kafka' },
    server: { url, token: token === undefined ? undefined : new Secret(token) },
    limits: { ...pauses, answerMs: 1000, pollMs: 20, overlapMs: 200 },
  });
  return { double, source };
}

/** Runs the producer until every post is sent; resolves with what is in the topic then, by id. */
async function produced(
  count: number,
  sources: readonly Source[],
): Promise<Map<string, { readonly text: string; readonly author: string }>> {
  const settings = testSettings({ producer: { maxMessages: count } });
  const deps = { log, clock: systemClock, signal: new AbortController().signal, out() {} };
  const summary = await runProducer(settings, deps, { sources });
  assert.equal(summary.gaps, 0);
  const values = await readTopic(settings.config.kafka, settings.params.topic);
  assert.equal(values.length, count, 'as many records as posts');
  return new Map(values.map((value) => JSON.parse(String(value))).map((post) => [post.id, post]));
}

async function assertAllClosed(): Promise<void> {
  await eventually(() =>
    assert.deepEqual(new Set(doubles.map((double) => double.openConnections)), new Set([0])),
  );
}

suite('posts of Bluesky and Mastodon in Kafka', () => {
  test('3,000 posts over two Jetstream hosts that misbehave: each once, byte for byte', async () => {
    const timeline = new Timeline({ count: 3000, rate: 1500 });
    const one = await jetstream(timeline, 11);
    const two = await jetstream(timeline, 12, 300);
    const posts = await produced(timeline.count, [bluesky(one.host, two.host)]);
    for (let index = 0; index < timeline.count; index += 1) {
      assert.equal(posts.get(one.double.idOf(index))?.text, timeline.text(index).text);
    }
    const kinds = [...one.double.faults.counts.keys(), ...two.double.faults.counts.keys()];
    assert.ok(new Set(kinds).size >= 5, kinds.join(' '));
    await assertAllClosed();
  });

  for (const [way, tokens, count] of [
    ['live', [TOKEN], 1000],
    ['by polling', [undefined], 1000],
    ['from two servers, one live', [TOKEN, undefined], 1000],
  ] as const) {
    test(`${count} posts of Mastodon ${way}, with all faults mixed: each once`, async () => {
      const timeline = new Timeline({ count, rate: 1000 });
      const servers = await Promise.all(
        tokens.map((token, index) => mastodon(timeline, 21 + index, token)),
      );
      const posts = await produced(
        timeline.count,
        servers.map(({ source }) => source),
      );
      const { double } = servers[0] ?? assert.fail();
      for (let index = 0; index < timeline.count; index += 1) {
        assert.equal(posts.get(double.idOf(index))?.text, double.textOf(index));
      }
      assert.ok(double.faults.counts.size >= 3, [...double.faults.counts.keys()].join(' '));
      await assertAllClosed();
    });
  }

  test('a slow reader holds Jetstream back, which is no silence, and loses nothing', async () => {
    const count = 25_000;
    const { double, host } = await jetstream(new Timeline({ count }));
    let sent = -1;
    const steady = () => {
      const before = sent;
      sent = double.sent;
      assert.equal(sent, before, 'still sending');
    };
    const seen = await readUntil(bluesky(host), undefined, async (ids) => {
      if (ids.size === 10) {
        await eventually(steady, 20_000, 300);
        assert.ok(sent < count, `${sent} posts were sent to who takes none`);
        await delay(pauses.stallMs + 100);
        assert.equal(double.requests.length, 1);
      }
      return ids.size === count;
    });
    assert.equal(seen.size, count);
  });

  test('no log line shows a token', () => {
    assert.ok(logged.includes('again in'), 'there was something to log');
    assert.ok(!logged.includes(TOKEN));
  });
});
