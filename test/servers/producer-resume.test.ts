// The producer after a crash: what it sends again, where it sends it, and what it never leaves out.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { type Log, silentLog } from '../../pipeline/log.ts';
import type { Source } from '../../pipeline/source.ts';
import { runProducer } from '../../producer/producer.ts';
import { eventually } from '../support/eventually.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { stackEndpoints } from '../support/stack.ts';
import { readPartitions } from '../support/topic.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

/** Posts `from`..`to`, each with an id; the cursor is the number of the next one. Reads some again, as services make it. */
function posts(to: number, overlap = 0): Source<number> {
  return {
    name: 'posts',
    leftOut: 0,
    gaps: [],
    parseCursor(saved) {
      if (typeof saved === 'number') return saved;
      throw new PipelineError('POSITION_CORRUPT', 'no number');
    },
    async *read(after = 0) {
      for (let at = Math.max(0, after - overlap); at < to; at += 1) {
        const id = `post-${at}`;
        yield { record: { key: Buffer.from(id), value: Buffer.from(`${at}`) }, cursor: at + 1, id };
      }
    },
  };
}

const deps = (log: Log = silentLog) => ({
  log,
  clock: systemClock,
  signal: new AbortController().signal,
  out() {},
});

async function valuesIn({ params, config }: Settings): Promise<Map<number, string[]>> {
  const partitions = await readPartitions(config.kafka, params.topic);
  return new Map([...partitions].map(([at, values]) => [at, values.map(String)]));
}

const upTo = (count: number) => Array.from({ length: count }, (_, at) => `${at}`);

suite('a producer that was killed', () => {
  test('leaves out what it finds in the topic behind its old cursor, and what its source reads again', async () => {
    const settings = testSettings({ producer: { topicPartitions: 3, partitioning: 'key' } });
    const { cursorFile } = settings.params.producer;
    await runProducer(settings, deps(), { sources: [posts(40)] });
    copyFileSync(cursorFile, `${cursorFile}.old`);
    await runProducer(settings, deps(), { sources: [posts(100)] });
    // As a kill leaves it: 60 posts are in Kafka that the cursor knows nothing of.
    copyFileSync(`${cursorFile}.old`, cursorFile);
    const summary = await runProducer(settings, deps(), { sources: [posts(120, 25)] });
    assert.deepEqual([summary.acknowledged, summary.repeated], [20, 85]);
    const values = [...(await valuesIn(settings)).values()].flat();
    assert.deepEqual(
      values.map(Number).sort((a, b) => a - b),
      upTo(120).map(Number),
    );
    const again = await runProducer(settings, deps(), { sources: [posts(120, 25)] });
    assert.deepEqual([again.acknowledged, again.repeated], [0, 25]);
  });

  test('leaves out what its source reads again, however long before its last save that was sent', async () => {
    const settings = testSettings({ producer: { topicPartitions: 3, partitioning: 'key' } });
    const { cursorFile } = settings.params.producer;
    await runProducer(settings, deps(), { sources: [posts(100)] });
    const document = JSON.parse(readFileSync(cursorFile, 'utf8'));
    const hour = new Date(Date.now() + 3_600_000).toISOString();
    document.topics[settings.params.topic].sources.posts.savedAt = hour;
    writeFileSync(cursorFile, JSON.stringify(document));
    const summary = await runProducer(settings, deps(), { sources: [posts(120, 25)] });
    assert.deepEqual([summary.acknowledged, summary.repeated], [20, 25]);
  });

  test('that never saved anything finds what it sent, too; --from-start sends all of it again', async () => {
    const settings = testSettings({ producer: { topicPartitions: 1 } });
    const { cursorFile } = settings.params.producer;
    const first = await runProducer(settings, deps(), { sources: [posts(30)] });
    assert.equal(first.acknowledged, 30);
    const document = JSON.parse(readFileSync(cursorFile, 'utf8'));
    delete document.topics[settings.params.topic].sources.posts.cursor;
    writeFileSync(cursorFile, JSON.stringify(document));
    const second = await runProducer(settings, deps(), { sources: [posts(30)] });
    assert.deepEqual([second.acknowledged, second.repeated], [0, 30]);
    const third = await runProducer(settings, deps(), { sources: [posts(30)], fromStart: true });
    assert.deepEqual([third.acknowledged, third.repeated], [30, 0]);
  });

  test('recognises lines by their place: equal ones are sent, and none of them a second time', async () => {
    const input = join(stateDirectory(), 'lines.log');
    const line = 'the same line\n';
    writeFileSync(input, line.repeat(10));
    const lines = { source: 'lines', raw: true } as const;
    const producer = { ...lines, topicPartitions: 3, partitioning: 'round-robin' } as const;
    const settings = testSettings({ producer: { ...producer, input: [input] } });
    const { cursorFile } = settings.params.producer;
    assert.equal((await runProducer(settings, deps())).acknowledged, 10);
    copyFileSync(cursorFile, `${cursorFile}.old`);
    appendFileSync(input, line.repeat(30));
    assert.equal((await runProducer(settings, deps())).acknowledged, 30);
    copyFileSync(`${cursorFile}.old`, cursorFile);
    appendFileSync(input, line.repeat(5));
    const summary = await runProducer(settings, deps());
    assert.deepEqual([summary.acknowledged, summary.repeated], [5, 30]);
    const anew = await runProducer(settings, deps(), { fromStart: true });
    assert.deepEqual([anew.acknowledged, anew.repeated], [45, 0]);
  });

  test('goes on on the same partition, and says so', async () => {
    const settings = testSettings({ producer: { topicPartitions: 3, partitionSwitchMinutes: 10 } });
    const { cursorFile } = settings.params.producer;
    await runProducer(settings, deps(), { sources: [posts(5)] });
    const document = JSON.parse(readFileSync(cursorFile, 'utf8'));
    const entry = document.topics[settings.params.topic];
    assert.equal(entry.rotation.partition, 0);
    entry.rotation = { partition: 2, spentMs: 60_000 };
    writeFileSync(cursorFile, JSON.stringify(document));
    const said: string[] = [];
    const log = { ...silentLog, info: (message: string) => void said.push(message) };
    const summary = await runProducer(settings, deps(log), { sources: [posts(9)] });
    assert.deepEqual(summary.byPartition, new Map([[2, 4]]));
    assert.ok(said.includes('now on partition 2 (next switch in 9 min)'), said.join('\n'));
  });

  test('says that a topic which was made anew lacks what was sent before the cursors', async () => {
    const settings = testSettings();
    const { params } = settings;
    await runProducer(settings, deps(), { sources: [posts(5)] });
    const document = JSON.parse(readFileSync(params.producer.cursorFile, 'utf8'));
    const topic = `${params.topic}-anew`;
    document.topics[topic] = document.topics[params.topic];
    writeFileSync(params.producer.cursorFile, JSON.stringify(document));
    const said: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void said.push(message) };
    const anew = { ...settings, params: { ...params, topic } };
    const first = await runProducer(anew, deps(log), { sources: [posts(7)] });
    assert.equal(first.acknowledged, 2);
    assert.match(said.join(), /-anew is new: what the sources gave before their saved cursors/);
    await runProducer(anew, deps(log), { sources: [posts(9)] });
    assert.equal(said.length, 1);
  });
});

/** `producer` as a process of its own; `acknowledged` is what the log last said. */
function startProducer(settings: Settings, more: readonly string[]): ChildProcess {
  const { topic, producer } = settings.params;
  const set = ['--set', `producer.cursorFile=${producer.cursorFile}`, '--log-format', 'json'];
  const brokers = ['--brokers', stackEndpoints().kafka.brokers.join(',')];
  const args = [
    '--import',
    import.meta.resolve('tsx'),
    CLI,
    'producer',
    '--topic',
    topic,
    ...brokers,
    ...set,
    ...more,
  ];
  const child = spawn(process.execPath, args, {
    cwd: stateDirectory(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

test('killed with SIGKILL again and again while it follows a file: every line arrives, repetitions in the partition of the first', async () => {
  const settings = testSettings({});
  const { topic, producer } = settings.params;
  const file = join(stateDirectory(), 'lines.log');
  const lines = Array.from({ length: 60_000 }, (_, at) => `line ${at}`);
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  const options = ['--raw', '--follow', '--input', file, '--partition-switch', '1s'];
  // Slow enough to be killed in the middle.
  const slow = ['--set', 'producer.sendSize=10', '--set', 'producer.topicPartitions=3'];
  const state = () => {
    const { rotation, sources } = JSON.parse(readFileSync(producer.cursorFile, 'utf8')).topics[
      topic
    ];
    return {
      line: Number(sources.lines.cursor?.at.line ?? 0),
      partition: rotation?.partition ?? 0,
    };
  };
  let saved = 0;
  for (let kill = 0; kill < 2; kill += 1) {
    const child = startProducer(settings, [...options, ...slow]);
    child.stderr?.resume();
    await eventually(() => assert.ok(state().line > saved && state().partition > 0), 60_000, 20);
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
    saved = state().line;
  }
  assert.ok(saved < lines.length, 'it was killed in the middle');
  const last = startProducer(settings, options);
  last.stderr?.resume();
  await eventually(() => assert.equal(state().line, lines.length), 60_000);
  const gone = once(last, 'close');
  last.kill('SIGTERM');
  assert.deepEqual(await gone, [0, null]);
  const homes = new Map<string, Set<number>>();
  let count = 0;
  for (const [partition, values] of await valuesIn(settings)) {
    count += values.length;
    for (const value of values) homes.set(value, (homes.get(value) ?? new Set()).add(partition));
  }
  const missing = lines.filter((line) => !homes.has(line));
  assert.deepEqual(missing, [], `${missing.length} are missing`);
  const torn = [...homes].filter(([, partitions]) => partitions.size > 1);
  assert.deepEqual(torn, [], 'a line that came twice came to one partition');
  console.log(`${count - lines.length} of ${lines.length} lines came again after 2 kills`);
});
