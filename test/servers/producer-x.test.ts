// Posts of X's filtered stream, through the double with its faults, the producer and a real Kafka.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import type { Settings } from '../../params/schema.ts';
import { Secret } from '../../params/secret.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import { runProducer } from '../../producer/producer.ts';
import { runSql } from '../../stack/sqlline.ts';
import type { MadePost } from '../doubles/posts.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { stackEndpoints } from '../support/stack.ts';
import { readTopic } from '../support/topic.ts';
import { start } from '../support/world.ts';
import { X_TOKEN, type XWorld, xWorld } from '../support/x-world.ts';

const worlds: XWorld[] = [];

after(() => Promise.all(worlds.map((world) => world.dispose())));

async function x(...options: Parameters<typeof xWorld>): Promise<XWorld> {
  const world = await xWorld(...options);
  worlds.push(world);
  return world;
}

/** Runs the producer until `count` posts are sent. */
async function produce({ url, source }: XWorld, count: number): Promise<Settings> {
  const base = testSettings({
    hashtag: '#kafka',
    producer: { source: 'x', maxMessages: count, topicPartitions: 4, partitioning: 'round-robin' },
  });
  const config = { ...base.config, x: { apiUrl: url, bearerToken: new Secret(X_TOKEN) } };
  const settings = { ...base, config };
  const { signal } = new AbortController();
  const deps = { log: silentLog, clock: systemClock, signal, out() {} };
  const summary = await runProducer(settings, deps, { sources: [source()] });
  assert.equal(summary.acknowledged, count);
  assert.equal(summary.gaps, 0);
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
    const count = 50_000;
    const world = await x(
      { count, rate: 50 },
      {
        plan: [
          { kind: 'serve', posts: 20_000, ending: 'goodbye' },
          { kind: 'status', status: 503 },
          { kind: 'serve', posts: 15_000, ending: 'close' },
        ],
        repeat: 500,
        errorLineAfter: 1000,
      },
    );
    const { params, config } = await produce(world, count);
    const posts = Array.from({ length: count }, (_, index) => world.double.post(index));
    assertTopicHolds(await readTopic(config.kafka, params.topic), posts);

    const batch = { ...params.batch, size: 5000 };
    const summary = await start((deps) =>
      runConsumerFromPosition({ params: { ...params, batch }, config }, deps, { untilEnd: true }),
    ).done;
    assert.equal(summary.rows, posts.length);
    await assertTableHolds(params.table.name, posts);
  });

  test('all faults mixed: every post once, and no connection is left', async () => {
    const count = 1500;
    const world = await x({ count, rate: 5 }, { misbehave: 7, postsBetween: 150, pieceBytes: 317 });
    const { params, config } = await produce(world, count);
    const posts = Array.from({ length: count }, (_, index) => world.double.post(index));
    assertTopicHolds(await readTopic(config.kafka, params.topic), posts);
    assert.ok(world.double.faults.counts.size >= 4, [...world.double.faults.counts.keys()].join());
    await eventually(() => assert.equal(world.double.openConnections, 0));
  });
});
