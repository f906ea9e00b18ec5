// The two consumers on real servers, from Kafka to what HiveServer2 answers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runLiveConsumer } from '../../consumer/consumer.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { isCode } from '../../pipeline/errors.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { post, posts, start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

const untilEnd = (settings: ReturnType<typeof testSettings>) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

test('W03: consumer-from-position loads a topic of 4 partitions and goes on where it stopped', async () => {
  const settings = testSettings({ batch: { size: 25 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 4);
  await world.send(topic, posts(200, 4));
  assert.deepEqual(await untilEnd(settings), { batches: 8, rows: 200, deadLetters: 0, skipped: 0 });
  await world.send(topic, posts(40, 4, 200));
  assert.equal((await untilEnd(settings)).rows, 40);
  const expected = [0, 1, 2, 3].map((partition) => ({
    partition,
    rows: 60,
    distinct: 60,
    first: 0,
    last: 59,
  }));
  assert.deepEqual(await world.offsets(table.name), expected);
});

test('Z03: a part batch is delivered when its consumer is told to stop', async () => {
  const settings = testSettings({ batch: { size: 3, idleMsMax: 600_000, ageMsMax: 600_000 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(4, 1));
  const running = start((deps) => runConsumerFromPosition(settings, deps));
  // The first three make a batch; the fourth came with them in one fetch and waits.
  await eventually(async () => {
    assert.equal((await world.offsets(table.name))[0]?.rows, 3);
  });
  assert.equal((await running.stop()).rows, 4);
  assert.equal((await world.offsets(table.name))[0]?.rows, 4);
});

test('the live consumer reads what arrives while it runs, and passes over what was sent while it was away', async () => {
  const settings = testSettings({ batch: { size: 10, idleMsMax: 500 } });
  const { topic, table, consumer } = settings.params;
  await world.createTopic(topic, 4);
  await world.send(topic, posts(40, 4));
  const joined = async () =>
    eventually(async () => {
      assert.equal((await world.admin.groupState(consumer.liveGroup)).state, 'Stable');
    });
  const first = start((deps) => runLiveConsumer(settings, deps));
  await joined();
  await world.send(topic, posts(80, 4, 40));
  await eventually(async () => {
    const rows = (await world.offsets(table.liveName)).reduce((sum, one) => sum + one.rows, 0);
    assert.equal(rows, 80);
  }, 120_000);
  await first.stop();
  await world.send(topic, posts(40, 4, 120));
  const second = start((deps) => runLiveConsumer(settings, deps));
  await joined();
  await world.send(topic, posts(40, 4, 160));
  await eventually(async () => {
    const rows = (await world.offsets(table.liveName)).reduce((sum, one) => sum + one.rows, 0);
    assert.equal(rows, 120);
  }, 120_000);
  await second.stop();
  const offsets = await world.offsets(table.liveName);
  assert.deepEqual(
    offsets,
    [0, 1, 2, 3].map((partition) => ({ partition, rows: 30, distinct: 30, first: 10, last: 49 })),
  );
});

test('Z08: records that cannot become rows go to the dead-letter topic, tombstones are skipped, and all is accounted for', async () => {
  const settings = testSettings({ batch: { size: 50 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, [
    post(1),
    { key: null, value: Buffer.from('{"id": "2", "text": ') },
    { key: Buffer.from('k'), value: Buffer.from([0xff, 0xfe, 0x00]) },
    { key: Buffer.from('gone'), value: null },
    { key: null, value: Buffer.from('{"id":"5","created_at":"yesterday"}') },
    post(6),
  ]);
  const summary = await untilEnd(settings);
  assert.deepEqual(summary, { batches: 1, rows: 2, deadLetters: 3, skipped: 1 });
  assert.equal((await world.offsets(table.name))[0]?.rows, 2);
  const letters = await world.admin.offsets(`${topic}.dead-letters`, world.signal);
  assert.equal(letters.get(0)?.highWatermark, 3n);
});

test('B06: records of 0 bytes and up to the limit of 1 MB become rows or dead letters, whole', async () => {
  const settings = testSettings();
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  const mostBytes = 1_048_000;
  const text = 'x'.repeat(mostBytes - JSON.stringify({ id: '1', text: '' }).length);
  await world.send(topic, [
    { key: null, value: Buffer.alloc(0) },
    { key: null, value: Buffer.from(JSON.stringify({ id: '1', text })) },
    { key: null, value: Buffer.alloc(mostBytes, '{') },
  ]);
  assert.deepEqual(await untilEnd(settings), { batches: 1, rows: 1, deadLetters: 2, skipped: 0 });
  const [row] = await world.hive.query(
    `SELECT text AS t FROM \`default\`.\`${table.name}\``,
    world.signal,
  );
  assert.equal(row?.['t'], text);
  const letters = await world.admin.offsets(`${topic}.dead-letters`, world.signal);
  assert.equal(letters.get(0)?.highWatermark, 2n);
});

test('a topic of plain text lands in column value', async () => {
  const settings = testSettings({ consumer: { valueFormat: 'text' } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  const texts = ['{not json', 'zwei\nZeilen', '', '🦊 שלום'];
  await world.send(
    topic,
    texts.map((text) => ({ key: null, value: Buffer.from(text) })),
  );
  assert.equal((await untilEnd(settings)).rows, 4);
  const rows = await world.hive.query(
    `SELECT value AS v, id AS id FROM \`default\`.\`${table.name}\` ORDER BY kafka_offset`,
    world.signal,
  );
  assert.deepEqual(
    rows.map((row) => row['v']),
    texts,
  );
  assert.deepEqual(
    rows.map((row) => row['id']),
    [null, null, null, null],
  );
});

test('O03: records deleted before they were read stop the consumer with their exact range, and --on-gap records the loss', async () => {
  const settings = testSettings();
  const { topic, table, consumer } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(30, 1));
  await untilEnd(settings);
  await world.send(topic, posts(30, 1, 30));
  await world.deleteRecords(topic, 0, 45n);
  await assert.rejects(untilEnd(settings), (error) => {
    assert.ok(isCode(error, 'POSITION_GAP'));
    assert.match(error.message, /\[30, 45\)/);
    return true;
  });
  const goOn = { ...settings.params, consumer: { ...consumer, onGap: 'earliest' as const } };
  assert.equal((await untilEnd({ ...settings, params: goOn })).rows, 15);
  assert.equal((await untilEnd(settings)).rows, 0);
  assert.deepEqual(await world.offsets(table.name), [
    { partition: 0, rows: 45, distinct: 45, first: 0, last: 59 },
  ]);
});

test('a topic that does not exist is named, with what creates it', async () => {
  await assert.rejects(untilEnd(testSettings()), (error) => isCode(error, 'KAFKA_REJECTED'));
});
