// Compressed topics: what Java's producer packed becomes rows, and a batch that cannot be unpacked ends the consumer with
// a clear error instead of an endless one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runPositions } from '../../consumer/positions/command.ts';
import { parsePartitionOffsets } from '../../consumer/positions/move.ts';
import { isCode } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { testSettings } from '../support/settings.ts';
import { type JavaCodec, Shapes } from '../support/shapes.ts';
import { post, start, World } from '../support/world.ts';

const { config } = testSettings();
const shapes = new Shapes(config.kafka);
let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

const untilEnd = (settings: ReturnType<typeof testSettings>) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

const CODECS: readonly JavaCodec[] = ['gzip', 'snappy', 'lz4', 'zstd'];
const SMALL = 500;

/** Posts of all scripts that fill many batches of 16 KB, and one of nearly 1 MB, which is a batch of its own. */
function textsOf(codec: string): string[] {
  const small = Array.from(
    { length: SMALL },
    (_, index) => `${codec} ${index} ${'übermäßig 🦊 שלום'.repeat(index % 20)} ${Math.sin(index)}`,
  );
  const numbers = Array.from({ length: 48_000 }, (_, index) => Math.sin(index).toFixed(15));
  return [...small, `${codec} ${numbers.join(' ')}`];
}

test('records that Java packed with gzip, snappy, lz4 and zstd become rows, all in one topic', async () => {
  const settings = testSettings({ batch: { size: 2000 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  const texts = new Map(CODECS.map((codec) => [codec, textsOf(codec)]));
  const sending = [...texts].map(([codec, lines]) =>
    shapes.sendByJava(
      topic,
      lines.map((text, index) => JSON.stringify({ id: `${codec}-${index}`, text })),
      codec,
    ),
  );
  await Promise.all(sending);
  assert.equal((await untilEnd(settings)).rows, CODECS.length * (SMALL + 1));
  const rows = await world.hive.query(
    `SELECT id, text FROM \`default\`.\`${table.name}\``,
    world.signal,
  );
  const found = new Map(rows.map((row) => [row['id'], row['text']]));
  assert.equal(found.size, rows.length);
  for (const [codec, lines] of texts) {
    for (const [index, text] of lines.entries()) {
      assert.ok(found.get(`${codec}-${index}`) === text, `${codec}-${index}`);
    }
  }
});

test('what our producer packs is really packed, and both Java and we read it', async () => {
  const settings = testSettings({ batch: { size: 2000 } });
  const { topic, table } = settings.params;
  // Too little for what is sent at once, unless it is packed.
  await shapes.createTopic(topic, 1, { 'max.message.bytes': '100000' });
  const values: string[] = [];
  for (const compression of ['gzip', 'snappy', 'zstd', 'none'] as const) {
    const sender = await KafkaSender.open(config.kafka, silentLog, world.signal, 60_000, {
      compression,
    });
    try {
      const records = Array.from({ length: 300 }, (_, index) =>
        post(index, `${compression} ${'übermäßig 🦊 '.repeat(100)}`),
      );
      const sending = sender.send(topic, records, world.signal);
      if (compression === 'none') {
        await assert.rejects(sending, (error) => isCode(error, 'KAFKA_REJECTED'));
      } else {
        assert.deepEqual(await sending, new Map([[0, 300]]));
        values.push(...records.map(({ value }) => String(value)));
      }
    } finally {
      await sender.close();
    }
  }
  assert.deepEqual(await shapes.readByJava(topic, values.length), values);
  assert.equal((await untilEnd(settings)).rows, values.length);
  const [offsets] = await world.offsets(table.name);
  assert.equal(offsets?.distinct, values.length);
});

const UNREADABLE = [
  {
    what: 'unpacks to more than 128 MB',
    send: (topic: string) => shapes.sendGzip(topic, Buffer.alloc(129 * 1024 * 1024, ' ')),
    words: /more than 134217728 bytes/,
  },
  {
    what: 'holds more records than kafkajs can take',
    send: (topic: string) => {
      const lines = Array.from({ length: 200_000 }, () => '{}');
      return shapes.sendByJava(topic, lines, 'zstd', 16 * 1024 * 1024);
    },
    words: /more records/,
  },
];
for (const { what, send, words } of UNREADABLE) {
  test(`a batch that ${what} ends the consumer at once, and may be passed over`, async () => {
    const settings = testSettings();
    const { topic, table } = settings.params;
    await world.createTopic(topic, 1);
    await world.send(topic, [post(0), post(1)]);
    await send(topic);
    const behind = (await world.admin.offsets(topic, world.signal)).get(0)?.highWatermark;
    await world.send(topic, [post(2)]);
    const began = performance.now();
    await assert.rejects(untilEnd(settings), (error) => {
      assert.ok(isCode(error, 'KAFKA_BATCH_UNREADABLE'), String(error));
      assert.match(error.message, words);
      assert.ok(error.message.includes(topic));
      return true;
    });
    assert.ok(performance.now() - began < 30_000, 'it is not tried again and again');
    const to = parsePartitionOffsets(`0:${behind}`);
    await start((deps) => runPositions(settings, deps, { kind: 'set', to, force: true })).done;
    assert.equal((await untilEnd(settings)).rows, 1);
    const [offsets] = await world.offsets(table.name);
    assert.equal(offsets?.last, Number(behind));
  });
}
