// Topics, offsets and groups, on the real Kafka of the stack.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { configSchema } from '../../params/schema.ts';
import { isCode } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { FlakyKafka } from '../support/flaky-kafka.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const signal = new AbortController().signal;
const config = configSchema.parse({
  kafka: { brokers: [...stackEndpoints().kafka.brokers] },
}).kafka;
let admin: KafkaAdmin;
let sender: KafkaSender;

before(async () => {
  admin = await KafkaAdmin.open(config, silentLog, signal);
  sender = await KafkaSender.open(config, silentLog, signal);
});
after(async () => {
  await sender.close();
  await admin.close();
});

async function newTopic(partitions: number): Promise<string> {
  const topic = uniqueName('t');
  await admin.ensureTopic(topic, { partitions, replication: 1 }, signal);
  return topic;
}

suite('admin', () => {
  test('creates a missing topic once, and tells how many partitions an existing one has', async () => {
    const topic = uniqueName('t');
    const wish = { partitions: 3, replication: 1 };
    assert.deepEqual(await admin.ensureTopic(topic, wish, signal), {
      created: true,
      partitions: 3,
    });
    const again = await admin.ensureTopic(topic, { ...wish, partitions: 9 }, signal);
    assert.deepEqual(again, { created: false, partitions: 3 });
    assert.deepEqual(await admin.partitions(topic, signal), [0, 1, 2]);
  });

  test('two at once both succeed', async () => {
    const topic = uniqueName('t');
    const wish = { partitions: 2, replication: 1 };
    const both = await Promise.all([
      admin.ensureTopic(topic, wish, signal),
      admin.ensureTopic(topic, wish, signal),
    ]);
    assert.deepEqual(
      both.map(({ partitions }) => partitions),
      [2, 2],
    );
  });

  test('names a missing topic', async () => {
    const topic = uniqueName('missing');
    for (const ask of [
      admin.partitions(topic, signal),
      admin.offsets(topic, signal),
      admin.offsetsAt(topic, 0, signal),
    ]) {
      await assert.rejects(
        ask,
        (error) =>
          isCode(error, 'KAFKA_REJECTED') && error.message === `topic ${topic} does not exist`,
      );
    }
  });

  test('a replication that the cluster cannot give is refused with its words', async () => {
    const asking = admin.ensureTopic(uniqueName('t'), { partitions: 1, replication: 7 }, signal);
    await assert.rejects(
      asking,
      (error) => isCode(error, 'KAFKA_REJECTED') && /eplication/.test(error.message),
    );
  });

  test('offsets, also by time: the first record not older, the end where there is none', async () => {
    const topic = await newTopic(2);
    const value = Buffer.from('x');
    const at = (timestamp: number) => ({ key: null, value, partition: 0, timestamp });
    await sender.send(topic, [at(1000), at(2000), at(3000)], signal);
    assert.deepEqual(
      await admin.offsets(topic, signal),
      new Map([
        [0, { logStart: 0n, highWatermark: 3n }],
        [1, { logStart: 0n, highWatermark: 0n }],
      ]),
    );
    assert.deepEqual(
      await admin.offsetsAt(topic, 1500, signal),
      new Map([
        [0, 1n],
        [1, 0n],
      ]),
    );
    assert.deepEqual(
      await admin.offsetsAt(topic, 9999, signal),
      new Map([
        [0, 3n],
        [1, 0n],
      ]),
    );
  });

  test('an unknown group is dead, without members and offsets', async () => {
    const group = uniqueName('g');
    const topic = await newTopic(1);
    assert.deepEqual(await admin.groupState(group), { state: 'Dead', members: 0 });
    assert.deepEqual(await admin.groupOffsets(group, topic), new Map());
  });

  test('a coordinator that still reads its groups, as on a broker that has just started, is asked again', async (t) => {
    const [address = ''] = config.brokers;
    const broker = await FlakyKafka.listen(address);
    t.after(() => broker.close());
    const asking = await KafkaAdmin.open(
      { ...config, brokers: [broker.address] },
      silentLog,
      signal,
    );
    t.after(() => asking.close());
    const topic = await newTopic(1);
    broker.answerLoading(2);
    assert.deepEqual(await asking.groupOffsets(uniqueName('g'), topic), new Map());
    assert.equal(broker.answersChanged, 2);
  });
});
