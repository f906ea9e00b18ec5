// The producer command with lines, from file and standard input to a real topic.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode, Stopping } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { runProducer } from '../../producer/producer.ts';
import { LinesSource } from '../../producer/sources/lines.ts';
import { eventually } from '../support/eventually.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { readPartitions, readTopic } from '../support/topic.ts';

const deps = (signal = new AbortController().signal) => ({
  log: silentLog,
  clock: systemClock,
  signal,
  out() {},
});

function fileOf(content: string | Buffer): string {
  const path = join(stateDirectory(), 'input.ndjson');
  writeFileSync(path, content);
  return path;
}

type ProducerParams = Partial<Settings['params']['producer']>;

const settingsOf = (producer: ProducerParams, hashtag?: string) =>
  testSettings({ producer: { source: 'lines', ...producer }, ...(hashtag ? { hashtag } : {}) });

const linesOf = (stdin: Readable) =>
  new LinesSource({
    inputs: ['-'],
    raw: true,
    csv: false,
    follow: false,
    hashtags: [],
    languages: [],
    log: silentLog,
    clock: systemClock,
    stdin,
  });

async function stored({ params, config }: Settings): Promise<string[]> {
  return (await readTopic(config.kafka, params.topic)).map(String);
}

suite('lines in Kafka', () => {
  test('posts with the hashtag arrive as messages, in order, in a topic that is created', async () => {
    const lines = Array.from({ length: 500 }, (_, at) =>
      JSON.stringify({
        id: at,
        text: `${at} 👩‍👩‍👧 ${at % 2 ? '#kafka' : '#other'} "\\\n`,
        lang: 'en',
      }),
    );
    const settings = settingsOf({ input: [fileOf(lines.join('\n'))], topicPartitions: 3 }, 'Kafka');
    const summary = await runProducer(settings, deps());
    assert.deepEqual([summary.read, summary.acknowledged, summary.leftOut], [250, 250, 250]);
    assert.deepEqual(summary.byPartition, new Map([[0, 250]]), 'rotate begins with partition 0');
    const partitions = await readPartitions(settings.config.kafka, settings.params.topic);
    assert.equal(partitions.size, 3);
    const posts = (partitions.get(0) ?? []).map((value) => JSON.parse(String(value)));
    assert.deepEqual(
      posts.map((post) => post.id),
      Array.from({ length: 250 }, (_, at) => String(at * 2 + 1)),
    );
    assert.deepEqual(posts[0], {
      id: '1',
      author: null,
      text: '1 👩‍👩‍👧 #kafka "\\\n',
      hashtags: ['kafka'],
      lang: 'en',
      created_at: null,
      source: null,
      url: null,
    });
  });

  test('raw bytes of any kind arrive as they are', async () => {
    const binary = Buffer.from([0, 1, 255, 0x0a, 0xfe, 0x0a]);
    const settings = settingsOf({ input: [fileOf(binary)], raw: true });
    await runProducer(settings, deps());
    const values = await readTopic(settings.config.kafka, settings.params.topic);
    assert.deepEqual(values, [Buffer.from([0, 1, 255]), Buffer.from([0xfe])]);
  });

  test('the partition switches with the time', async () => {
    const stdin = new Readable({ read() {} });
    const settings = settingsOf({
      raw: true,
      topicPartitions: 2,
      partitionSwitchMinutes: 1 / 60,
      lingerMs: 0,
    });
    const source = linesOf(stdin);
    const running = runProducer(settings, deps(), { sources: [source] });
    const timer = setInterval(() => stdin.push('x\n'), 100);
    setTimeout(() => {
      clearInterval(timer);
      stdin.push(null);
    }, 3500);
    const { byPartition, acknowledged } = await running;
    assert.deepEqual([...byPartition.keys()], [0, 1]);
    assert.equal(
      [...byPartition.values()].reduce((sum, count) => sum + count, 0),
      acknowledged,
    );
  });

  test('posts with a key stay together in one partition', async () => {
    const lines = Array.from({ length: 300 }, (_, at) =>
      JSON.stringify({ id: `id${at % 30}`, text: 't' }),
    );
    const settings = settingsOf({ input: [fileOf(lines.join('\n'))], partitioning: 'key' });
    const summary = await runProducer(settings, deps());
    assert.equal(summary.byPartition.size, 4);
    const partitions = await readPartitions(settings.config.kafka, settings.params.topic);
    const homes = new Map<string, Set<number>>();
    for (const [partition, values] of partitions) {
      for (const value of values) {
        const { id } = JSON.parse(String(value));
        homes.set(id, (homes.get(id) ?? new Set()).add(partition));
      }
    }
    assert.equal(homes.size, 30);
    assert.ok([...homes.values()].every((home) => home.size === 1));
  });

  test('a line that is not JSON ends it, after what stood before has arrived', async () => {
    const settings = settingsOf({ input: [fileOf('{"a":1}\n{"b":2}\nnot json\n{"c":3}\n')] });
    await assert.rejects(
      runProducer(settings, deps()),
      (error) => isCode(error, 'SOURCE_INPUT_INVALID') && /input\.ndjson:3/.test(error.message),
    );
    assert.deepEqual(await stored(settings), ['{"a":1}', '{"b":2}']);
  });

  test('a stop sends what was read and returns', async () => {
    const stdin = new Readable({ read() {} });
    const stop = new AbortController();
    const settings = settingsOf({ raw: true, lingerMs: 60_000 });
    const source = linesOf(stdin);
    let taken = 0;
    const counted = {
      name: 'counted',
      leftOut: 0,
      gaps: [],
      parseCursor: (saved: unknown) => saved,
      async *read(_after: unknown, signal: AbortSignal) {
        for await (const record of source.read(undefined, signal)) {
          yield record;
          taken += 1;
        }
      },
    };
    const running = runProducer(settings, deps(stop.signal), { sources: [counted] });
    stdin.push('one\ntwo\n');
    await eventually(() => assert.equal(taken, 2));
    stop.abort(new Stopping('test'));
    assert.equal((await running).acknowledged, 2);
    assert.deepEqual(await stored(settings), ['one', 'two']);
  });

  test('without a token the source x names the setting, the variable and the other sources', async () => {
    const settings = testSettings({ producer: { source: 'x' }, hashtag: 'kafka' });
    await assert.rejects(
      async () => runProducer(settings, deps()),
      (error) => {
        assert.ok(isCode(error, 'CONFIG_CREDENTIALS_MISSING'));
        assert.match(
          `${error.message} ${error.hint}`,
          /x\.bearerToken.*KH_X__BEARER_TOKEN.*--source bluesky/,
        );
        return true;
      },
    );
  });
});
