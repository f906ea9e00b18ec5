// Logs that are no plain row of records: transactions, compaction, tombstones, retention, large records, headers. Each on the
// real broker, through consumer-from-position into Hive.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GroupConsumer } from '../../clients/kafka/consumer.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { readRanges } from '../../clients/kafka/read-ranges.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runPositions } from '../../consumer/positions/command.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Settings } from '../../params/schema.ts';
import { isCode } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { OutgoingRecord, PipelineRecord } from '../../pipeline/record.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { Shapes } from '../support/shapes.ts';
import { uniqueName } from '../support/stack.ts';
import { post, posts, start, World } from '../support/world.ts';

const MB = 1024 * 1024;
const { config } = testSettings();
const shapes = new Shapes(config.kafka);
const compacted = uniqueName('compacted');
let world: World;
before(async () => {
  world = await World.open(testSettings());
  await fillCompacted();
});
after(() => world.close());

const untilEnd = (settings: Settings) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

/** The lines a command prints. */
async function printed(run: Parameters<typeof start>[0]): Promise<string[]> {
  const lines: string[] = [];
  await start(run, (line) => lines.push(line)).done;
  return lines;
}

/** Every offset that is in the table, ascending; of all partitions together. */
async function offsetsIn(table: string): Promise<number[]> {
  const sql = `SELECT kafka_offset AS o FROM \`default\`.\`${table}\``;
  const rows = await world.hive.query(sql, world.signal);
  return rows.map((row) => Number(row['o'])).sort((a, b) => a - b);
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

test('O01: of a transactional topic the committed rows are there, aborted ones are not, and every lag reads 0', async () => {
  const settings = testSettings({ batch: { size: 7 } });
  const { topic, table, consumer } = settings.params;
  await world.createTopic(topic, 1);
  const ten = (first: number) => posts(10, 1, first);
  await shapes.transaction(topic, ten(0), 'commit');
  await shapes.transaction(topic, ten(10), 'abort');
  await world.send(topic, ten(20));
  await shapes.transaction(topic, ten(30), 'commit');
  await shapes.transaction(topic, ten(40), 'abort');
  const end = (await world.admin.offsets(topic, world.signal)).get(0)?.highWatermark;
  assert.equal(end, 54n, 'ten records and a marker each, and ten without a transaction');
  const { rows, deadLetters, skipped } = await untilEnd(settings);
  assert.deepEqual({ rows, deadLetters, skipped }, { rows: 30, deadLetters: 0, skipped: 0 });
  assert.deepEqual(await offsetsIn(table.name), [...range(0, 10), ...range(22, 42)]);
  const committed = await world.admin.groupOffsets(consumer.group, topic);
  assert.equal(committed.get(0)?.offset, end);
  const [, shown] = await printed((deps) => runPositions(settings, deps, { kind: 'show' }));
  assert.deepEqual(shown?.trim().split(/ {2,}/), ['0', '54', '54', '54', '0']);
  const report = await start((deps) => runVerify(settings, deps, { readTopic: true })).done;
  assert.deepEqual([report.total.read, report.total.lag, report.total.missing], [30, 0n, 0]);
});

test('O01: aborted records that come while the consumer runs leave no lag either', async () => {
  const settings = testSettings({ batch: { idleMsMax: 200 } });
  const { topic, table, consumer } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(3, 1));
  const running = start((deps) => runConsumerFromPosition(settings, deps));
  const reaches = (offset: bigint) =>
    eventually(async () => {
      const committed = await world.admin.groupOffsets(consumer.group, topic);
      assert.equal(committed.get(0)?.offset, offset);
    });
  await reaches(3n);
  await shapes.transaction(topic, posts(5, 1, 10), 'abort');
  await reaches(9n);
  await world.send(topic, posts(2, 1, 20));
  await reaches(11n);
  await running.stop();
  assert.deepEqual(await offsetsIn(table.name), [0, 1, 2, 9, 10]);
});

/** A topic of 40 records under 4 keys, one segment each, that the broker may compact; the last record stays. */
async function fillCompacted(): Promise<void> {
  await shapes.createTopic(compacted, 1, {
    'cleanup.policy': 'compact',
    'segment.ms': '1',
    'min.cleanable.dirty.ratio': '0.001',
    'max.compaction.lag.ms': '1',
  });
  for (const index of range(0, 40)) {
    await world.send(compacted, [{ ...post(index), key: Buffer.from(`key ${index % 4}`) }]);
  }
}

test('W02 W05 O02: a compacted topic is read over its holes, from a first offset that is not 0', async () => {
  const kept = await eventually(
    async () => {
      const offsets = await keptOffsets(compacted);
      // The newest of each key, and the active segment: fewer than these the cleaner never leaves.
      assert.ok(offsets.length <= 5, `not compacted to the end yet: ${offsets}`);
      return offsets;
    },
    90_000,
    500,
  );
  const settings = testSettings({ topic: compacted, batch: { size: 2 } });
  const { table } = settings.params;
  assert.equal((await untilEnd(settings)).rows, kept.length);
  assert.deepEqual(await offsetsIn(table.name), kept);
  const report = await start((deps) => runVerify(settings, deps)).done;
  assert.deepEqual([report.total.missing, report.total.doubled, report.total.lag], [0, 0, 0n]);
  await world.send(compacted, [post(40)]);
  assert.equal((await untilEnd(settings)).rows, 1);
});

/** The offsets of the records that are in partition 0 now. */
async function keptOffsets(topic: string): Promise<number[]> {
  return (await read(topic)).map(({ offset }) => Number(offset));
}

/** The records that are in partition 0 of a topic now. */
async function read(topic: string): Promise<PipelineRecord[]> {
  const { highWatermark: end = 0n } = (await world.admin.offsets(topic, world.signal)).get(0) ?? {};
  const open = (name: string, group: string) =>
    GroupConsumer.create(
      config.kafka,
      { topics: [name], group, sessionTimeoutMs: 10_000, retryMs: 60_000 },
      silentLog,
    );
  const records: PipelineRecord[] = [];
  const each = (_: number, record: PipelineRecord) => void records.push(record);
  await readRanges(open, [{ topic, partition: 0, start: 0n, end }], each, world.signal);
  return records;
}

for (const tombstones of ['skip', 'write', 'dead-letter'] as const) {
  test(`B01: a record without value is ${tombstones === 'write' ? 'a row of NULLs' : tombstones}`, async () => {
    const settings = testSettings({ consumer: { tombstones } });
    const { topic, table } = settings.params;
    await world.createTopic(topic, 1);
    const tombstone: OutgoingRecord = { key: Buffer.from('gone'), value: null };
    await world.send(topic, [post(0), tombstone, post(2)]);
    const { rows, deadLetters, skipped } = await untilEnd(settings);
    const expected = { skip: [2, 0, 1], write: [3, 0, 0], 'dead-letter': [2, 1, 0] }[tombstones];
    assert.deepEqual([rows, deadLetters, skipped], expected);
    const sql = `SELECT kafka_offset AS o, id, text FROM \`default\`.\`${table.name}\``;
    const found = await world.hive.query(sql, world.signal);
    const middle = found.find((row) => Number(row['o']) === 1);
    if (tombstones === 'write') assert.deepEqual([middle?.['id'], middle?.['text']], [null, null]);
    else assert.equal(middle, undefined);
  });
}

test('B02: a value that is not UTF-8 is dead-lettered byte for byte, with its headers and where it came from', async () => {
  const settings = testSettings({ limits: { deadLetterShare: 1 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  const bytes = Buffer.from(range(0, 256));
  const headers = { trace: [Buffer.from('a'), Buffer.from([0xff])], empty: '' };
  await world.send(topic, [
    { ...post(0), headers },
    { key: Buffer.from([0xfe]), value: bytes, headers },
  ]);
  const { rows, deadLetters } = await untilEnd(settings);
  assert.deepEqual([rows, deadLetters], [1, 1]);
  assert.deepEqual(await offsetsIn(table.name), [0]);
  const [letter] = await read(`${topic}.dead-letters`);
  assert.deepEqual([letter?.value, letter?.key], [bytes, Buffer.from([0xfe])]);
  assert.deepEqual(letter?.headers?.['trace'], headers.trace);
  assert.deepEqual(letter?.headers?.['empty'], [Buffer.alloc(0)]);
  const ours = ['topic', 'partition', 'offset', 'code'].map((name) =>
    String(letter?.headers?.[`kafka_hive.${name}`]),
  );
  assert.deepEqual(ours, [topic, '0', '1', 'CODEC_NOT_UTF8']);
});

test('O03: --on-gap latest records what was lost and what is passed over, and reads only what is new', async () => {
  const settings = testSettings({ consumer: { onGap: 'latest' } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(10, 1));
  await untilEnd(settings);
  await world.send(topic, posts(20, 1, 10));
  await world.deleteRecords(topic, 0, 15n);
  assert.equal((await untilEnd(settings)).rows, 0);
  await world.send(topic, posts(5, 1, 30));
  assert.equal((await untilEnd(settings)).rows, 5);
  assert.deepEqual(await offsetsIn(table.name), [...range(0, 10), ...range(30, 35)]);
  const lines = await printed((deps) => runVerify(settings, deps));
  assert.ok(lines.includes(`note: ${topic}-0 [10, 15): lost to retention`), lines.join('\n'));
  assert.ok(lines.includes(`note: ${topic}-0 [15, 30): passed over on purpose`), lines.join('\n'));
});

test('B06: records of 8 MB get through between small ones, on several partitions at once', async () => {
  const settings = testSettings();
  const { topic, table } = settings.params;
  await shapes.createTopic(topic, 2, { 'max.message.bytes': `${9 * MB}` });
  const sender = await KafkaSender.open(config.kafka, silentLog, world.signal, 60_000, {
    recordBytesMax: 9 * MB,
  });
  try {
    const text = 'x'.repeat(8 * MB);
    const records = [0, 1].flatMap((partition) => [
      { ...post(1), partition },
      { ...post(2, text), partition },
      { ...post(3), partition },
    ]);
    await sender.send(topic, records, world.signal);
    const tooLong = [{ key: null, value: Buffer.alloc(9 * MB), partition: 0 }];
    await assert.rejects(sender.send(topic, tooLong, world.signal), (error) => {
      assert.ok(isCode(error, 'KAFKA_REJECTED'));
      assert.match(error.message, /above the limit of 9437184/);
      return true;
    });
  } finally {
    await sender.close();
  }
  assert.equal((await untilEnd(settings)).rows, 6);
  const sql = `SELECT length(text) AS n FROM \`default\`.\`${table.name}\``;
  const lengths = (await world.hive.query(sql, world.signal)).map((row) => Number(row['n']));
  const most = Math.max(...lengths);
  assert.deepEqual([most, lengths.filter((length) => length === most).length], [8 * MB, 2]);
});

for (const store of ['file', 'group'] as const) {
  test(`O05: the group and its offsets are gone, the position is not (${store})`, async () => {
    const settings = testSettings({ positions: { store } });
    const { topic, table, consumer } = settings.params;
    await world.createTopic(topic, 1);
    await world.send(topic, posts(20, 1));
    await untilEnd(settings);
    await shapes.deleteGroup(consumer.group);
    assert.equal((await world.admin.groupOffsets(consumer.group, topic)).size, 0);
    await world.send(topic, posts(5, 1, 20));
    assert.equal((await untilEnd(settings)).rows, 5);
    assert.deepEqual(await offsetsIn(table.name), range(0, 25));
  });
}
