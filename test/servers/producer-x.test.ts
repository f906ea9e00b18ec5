// Posts of X's filtered stream, through the double with its faults, the producer and a real Kafka.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import type { Settings } from '../../params/schema.ts';
import { Secret } from '../../params/secret.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode, Stopping } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { runProducer } from '../../producer/producer.ts';
import { XSource } from '../../producer/sources/twitter.ts';
import { runSql } from '../../stack/sqlline.ts';
import { type MadePost, makePosts } from '../doubles/posts.ts';
import { XApiDouble, type XApiOptions } from '../doubles/x-api.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { stackEndpoints } from '../support/stack.ts';
import { readTopic } from '../support/topic.ts';
import { start } from '../support/world.ts';

const TOKEN = 'canary-token-of-the-test';
const doubles: XApiDouble[] = [];

after(() => Promise.all(doubles.map((double) => double.close())));

async function xApi(options: Omit<XApiOptions, 'token'>): Promise<[XApiDouble, string]> {
  const double = new XApiDouble({ token: TOKEN, ...options });
  doubles.push(double);
  return [double, await double.listen()];
}

/** Runs the producer until `count` records are read. */
async function produce(apiUrl: string, count: number, limits: object = {}): Promise<Settings> {
  const base = testSettings({
    hashtag: '#kafka',
    producer: { source: 'x', maxMessages: count, topicPartitions: 4, partitioning: 'round-robin' },
  });
  const config = { ...base.config, x: { apiUrl, bearerToken: new Secret(TOKEN) } };
  const settings = { ...base, config };
  const deps = {
    log: silentLog,
    clock: systemClock,
    signal: new AbortController().signal,
    out() {},
  };
  const source = new XSource({
    config: config.x,
    hashtags: ['#kafka'],
    retryMs: 60_000,
    log: silentLog,
    clock: systemClock,
    limits: { connectMs: 1000, stallMs: 1500, pauseFactor: 0.01, ...limits },
  });
  const summary = await runProducer(settings, deps, { sources: [source] });
  assert.equal(summary.acknowledged, count);
  return settings;
}

function assertTopicHolds(values: readonly (Buffer | null)[], posts: readonly MadePost[]): void {
  const texts = new Map(posts.map((post) => [post.id, post.text]));
  assert.equal(values.length, posts.length, 'every post once');
  for (const value of values) {
    const sent = JSON.parse(String(value));
    const wanted = texts.get(sent.id);
    assert.ok(wanted !== undefined, `id ${sent.id} is known and comes once`);
    assert.ok(Buffer.from(sent.text).equals(Buffer.from(wanted)), `text of ${sent.id}`);
    texts.delete(sent.id);
  }
  assert.equal(texts.size, 0, 'no post is missing');
}

/** Asked through Apache's JDBC driver, which shares no line with this program; texts as hexadecimal bytes. */
async function assertTableHolds(table: string, posts: readonly MadePost[]): Promise<void> {
  const json = await runSql(`SELECT id, hex(encode(text, 'UTF-8')) AS text FROM ${table}`, {
    hive: stackEndpoints().hive,
    format: 'csv',
    log: silentLog,
    signal: new AbortController().signal,
  });
  const texts = new Map(posts.map((post) => [post.id, post.text]));
  for (const line of json.trim().split('\n').slice(1)) {
    const [id = '', text = ''] = line.replaceAll("'", '').split(',');
    const wanted = texts.get(id);
    assert.ok(wanted !== undefined, `id ${id} is known and comes once`);
    assert.equal(text, Buffer.from(wanted).toString('hex').toUpperCase(), `text of ${id}`);
    texts.delete(id);
  }
  assert.equal(texts.size, 0, 'no post is missing');
}

suite('posts of X in Kafka', () => {
  test('50,000 posts: every distinct id once, every text byte for byte, in Kafka and in Hive', async () => {
    const posts = makePosts(50_000);
    const [, url] = await xApi({
      posts,
      plan: [
        { kind: 'serve', posts: 20_000, ending: 'goodbye' },
        { kind: 'status', status: 503 },
        { kind: 'serve', posts: 15_000, ending: 'close' },
      ],
      repeat: 500,
      errorLineAfter: 1000,
    });
    const { params, config } = await produce(url, posts.length);
    assertTopicHolds(await readTopic(config.kafka, params.topic), posts);

    const batch = { ...params.batch, size: 5000 };
    const summary = await start((deps) =>
      runConsumerFromPosition({ params: { ...params, batch }, config }, deps, { untilEnd: true }),
    ).done;
    assert.equal(summary.rows, posts.length);
    await assertTableHolds(params.table.name, posts);
  });

  test('survives cut characters, 429, 503, a black hole, a stall and a goodbye', async () => {
    const posts = makePosts(1200, 'kafka', 7);
    const [double, url] = await xApi({
      posts,
      plan: [
        { kind: 'black-hole' },
        { kind: 'serve', posts: 300, ending: 'goodbye' },
        { kind: 'status', status: 503 },
        { kind: 'status', status: 429, resetInMs: 1000 },
        { kind: 'serve', posts: 300, ending: 'stall' },
        { kind: 'serve', posts: 300, ending: 'close' },
      ],
      repeat: 50,
      pieceBytes: 317,
      errorLineAfter: 10,
    });
    const { params, config } = await produce(url, posts.length);
    assertTopicHolds(await readTopic(config.kafka, params.topic), posts);
    await eventually(() => assert.equal(double.openConnections, 0, 'no connection is left'));
  });

  test('keeps the rules of others and replaces its own outdated one', async () => {
    const posts = makePosts(3);
    const [double, url] = await xApi({ posts });
    double.rules.push({ id: '1', value: 'cats', tag: 'somebody' });
    double.rules.push({ id: '2', value: '#old', tag: 'kafka-hive' });
    await produce(url, posts.length);
    const rules = double.rules.map(({ value, tag }) => `${value} ${tag}`);
    assert.deepEqual(rules, ['cats somebody', '#kafka kafka-hive']);
  });

  test('a wrong token ends it with SOURCE_REJECTED and never shows the token', async () => {
    const [, url] = await xApi({ posts: [] });
    const source = new XSource({
      config: { apiUrl: url, bearerToken: new Secret('wrong-canary') },
      hashtags: ['kafka'],
      retryMs: 1000,
      log: silentLog,
      clock: systemClock,
    });
    const reading = source.read(undefined, new AbortController().signal).next();
    await assert.rejects(reading, (error) => {
      assert.ok(!inspect(error, { depth: 10 }).includes('wrong-canary'));
      return isCode(error, 'SOURCE_REJECTED') && /401/.test(error.message);
    });
  });

  test('gives up with SOURCE_UNAVAILABLE when nothing answers for retryMs', async () => {
    const source = new XSource({
      config: { apiUrl: 'http://127.0.0.1:9', bearerToken: new Secret(TOKEN) },
      hashtags: ['kafka'],
      retryMs: 100,
      log: silentLog,
      clock: systemClock,
    });
    const reading = source.read(undefined, new AbortController().signal).next();
    await assert.rejects(
      reading,
      (error) => isCode(error, 'SOURCE_UNAVAILABLE') && /ECONNREFUSED/.test(error.message),
    );
  });

  test('a stop ends the stream at once and closes the connection', async () => {
    const posts = makePosts(5);
    const [double, url] = await xApi({ posts, keepAliveMs: 50 });
    const stop = new AbortController();
    const source = new XSource({
      config: { apiUrl: url, bearerToken: new Secret(TOKEN) },
      hashtags: ['kafka'],
      retryMs: 1000,
      log: silentLog,
      clock: systemClock,
    });
    let seen = 0;
    for await (const _ of source.read(undefined, stop.signal)) {
      seen += 1;
      if (seen === posts.length) setTimeout(() => stop.abort(new Stopping('test')), 20);
    }
    assert.equal(seen, posts.length);
    await eventually(() => assert.equal(double.openConnections, 0));
  });
});
