// What a consumer finds when it starts: batches that were committed or only staged, entries and files that somebody damaged,
// moved or put there. Real Kafka, HDFS and Hive; every row must be there once.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { entryPath } from '../../consumer/ledger.ts';
import { openSink } from '../../consumer/sinks/index.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { Sink } from '../../pipeline/sink.ts';
import { directoryOf } from '../support/restart.ts';
import { testSettings } from '../support/settings.ts';
import { post, posts, start, World } from '../support/world.ts';

const NOON = Date.UTC(2026, 10, 21, 12);

let world: World;
let files: WebHdfs;
before(async () => {
  const settings = testSettings();
  world = await World.open(settings);
  files = new WebHdfs(settings.config.hdfs);
});
after(async () => {
  files?.close();
  await world?.close();
});

/** A topic of one partition with `count` posts, and the settings to read it in batches of three. */
async function topicOf(count: number): Promise<Settings> {
  const settings = testSettings({ batch: { size: 3 }, limits: { deadLetterShare: 1 } });
  await world.createTopic(settings.params.topic, 1);
  await send(settings, count, 0);
  return settings;
}

/** Sends `count` posts of one day to the partition, ids from `first`. */
async function send({ params }: Settings, count: number, first: number): Promise<void> {
  const timestamp = NOON;
  const records = posts(count, 1, first).map((record) => ({ ...record, timestamp }));
  await world.send(params.topic, records);
}

const consume = (settings: Settings) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

/** Consumes as one of another group, so that nothing but ledger and position file tells where to go on. */
async function consumeAsStranger(settings: Settings): Promise<void> {
  const consumer = { ...settings.params.consumer, group: `${settings.params.topic}-${Date.now()}` };
  await consume({ ...settings, params: { ...settings.params, consumer } });
}

/** The table holds the offsets from `first` to before `end`, each once. */
async function holds({ params }: Settings, first: number, end: number): Promise<void> {
  const rows = end - first;
  assert.deepEqual(await world.offsets(params.table.name), [
    { partition: 0, rows, distinct: rows, first, last: end - 1 },
  ]);
}

async function asWriter(settings: Settings, use: (sink: Sink) => Promise<void>): Promise<void> {
  const opened = new Lifecycle();
  try {
    const deps = { log: silentLog, clock: systemClock, opened };
    await use(await openSink(settings, settings.params.table.name, deps, world.signal));
  } finally {
    await opened.close();
  }
}

/** The posts from `from` to before `to`, as they are in the topic. */
function batchOf({ params: { topic } }: Settings, from: number, to: number) {
  const records = Array.from({ length: to - from }, (_, index) => {
    const { key, value } = post(from + index);
    const offset = BigInt(from + index);
    return { offset, timestamp: NOON, key, value, headers: undefined };
  });
  const range = { topic, partition: 0, start: BigInt(from), end: BigInt(to) };
  return { range, records };
}

test('R01 R05: what was committed is placed before anything is read, what was only staged is read again, and nothing stays staged', async () => {
  const settings = await topicOf(9);
  const { topic } = settings.params;
  const of = { topic, partition: 0 };
  await asWriter(settings, async (sink) => {
    await sink.ledger.origin(of, 0n, world.signal);
    const { record } = await sink.stage(batchOf(settings, 0, 3), world.signal);
    await sink.ledger.commit(record, world.signal);
    await sink.stage(batchOf(settings, 3, 6), world.signal);
  });
  await consume(settings);
  await holds(settings, 0, 9);
  const root = await directoryOf(world.hive, settings);
  // As creates leave it that arrive after their start was swept.
  for (const name of ['0', '4', 'origin']) {
    const late = `${root}/_staging/${topic}/0/${name}/late/entry.json`;
    await files.create(late, Buffer.from('late'), world.signal);
  }
  await consume(settings);
  assert.deepEqual(await files.list(`${root}/_staging/${topic}/0`, world.signal), []);
});

test('R02 R06: a ledger entry that is cut or has lost a part stops the consumer by name and gives no offset', async () => {
  const settings = await topicOf(6);
  const { topic } = settings.params;
  await consume(settings);
  await send(settings, 3, 6);
  const root = await directoryOf(world.hive, settings);
  const entry = `${root}/${entryPath({ topic, partition: 0 }, 3n)}`;
  const whole = (await files.read(entry, world.signal)) ?? assert.fail();
  const damaged = [
    whole.subarray(0, whole.length / 2),
    Buffer.alloc(0),
    Buffer.from(String(whole).replace('"end":', '"ended":')),
  ];
  for (const content of damaged) {
    await files.remove(entry, world.signal);
    await files.create(entry, content, world.signal);
    await assert.rejects(consume(settings), (error) => {
      assert.ok(isCode(error, 'POSITION_CORRUPT'), String(error));
      assert.match(error.message, /3\.json/);
      return true;
    });
  }
  await holds(settings, 0, 6);
  await files.remove(entry, world.signal);
  await files.create(entry, whole, world.signal);
  await consume(settings);
  await holds(settings, 0, 9);
});

test('R07: batches without rows at the end of the chain are behind the position', async () => {
  const settings = await topicOf(3);
  const { topic, table } = settings.params;
  const broken = { key: null, value: Buffer.from('{"id":'), partition: 0 };
  await world.send(topic, [broken, broken, broken, broken]);
  await consume(settings);
  await rm(settings.params.positions.file);
  await send(settings, 2, 7);
  await consumeAsStranger(settings);
  const [found] = await world.offsets(table.name);
  assert.deepEqual(found, { partition: 0, rows: 5, distinct: 5, first: 0, last: 8 });
});

test('R10 R14: foreign files stay, and data files that somebody moved away are not read again', async () => {
  const settings = await topicOf(6);
  const { topic } = settings.params;
  await consume(settings);
  const root = await directoryOf(world.hive, settings);
  const days =
    (await files.list(root, world.signal))?.filter(({ name }) => /^dt=/.test(name)) ?? [];
  const day = `${root}/${days[0]?.name}`;
  const placed = (await files.list(day, world.signal)) ?? [];
  assert.equal(placed.length, 2);
  for (const { name } of placed) {
    const moved = `${root}/_elsewhere/${name}`;
    assert.equal(await files.renameNoReplace(`${day}/${name}`, moved, world.signal), 'moved');
  }
  const foreign = [
    ...[`${day}/.abcd.tmp`, `${day}/_abcd`, `${root}/_notes`],
    ...[`${root}/_ledger/${topic}/0/abcd`, `${root}/_staging/${topic}/0/abcd/tmp`],
  ];
  for (const path of foreign) await files.create(path, Buffer.from('x'), world.signal);
  await send(settings, 3, 6);
  await consume(settings);
  await holds(settings, 6, 9);
  await rm(settings.params.positions.file);
  await send(settings, 3, 9);
  await consumeAsStranger(settings);
  await holds(settings, 6, 12);
  for (const path of foreign) assert.ok(await files.status(path, world.signal), path);
});

test('X03: where the sink cannot place, no position moves, and after it is mended every row is there once', async () => {
  const settings = await topicOf(3);
  const { topic } = settings.params;
  await consume(settings);
  const root = await directoryOf(world.hive, settings);
  const days =
    (await files.list(root, world.signal))?.filter(({ name }) => /^dt=/.test(name)) ?? [];
  const day = `${root}/${days[0]?.name}`;
  // A file of another kind stands where the next batch wants to go.
  const taken = `${day}/${topic}+0+${'3'.padStart(19, '0')}+${'6'.padStart(19, '0')}.parquet`;
  await files.create(taken, Buffer.from('not ours'), world.signal);
  await send(settings, 6, 3);
  await assert.rejects(consume(settings), (error) => isCode(error, 'POSITION_CORRUPT'));
  await assert.rejects(consume(settings), (error) => isCode(error, 'POSITION_CORRUPT'));
  await files.remove(taken, world.signal);
  await consume(settings);
  await holds(settings, 0, 9);
});
