// Sending: order, sizes, keys and lost answers, on the real Kafka of the stack.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { configSchema } from '../../params/schema.ts';
import { isCode, Stopping } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { FlakyKafka } from '../support/flaky-kafka.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import { readPartitions } from '../support/topic.ts';

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

const record = (value: string, more: Partial<OutgoingRecord> = {}): OutgoingRecord => ({
  key: null,
  value: Buffer.from(value),
  ...more,
});

suite('sender', () => {
  test('keeps the order within each partition and tells how many records went where', async () => {
    const topic = await newTopic(3);
    const records = Array.from({ length: 3000 }, (_, at) =>
      record(String(at), { partition: at % 3 }),
    );
    assert.deepEqual(
      await sender.send(topic, records, signal),
      new Map([
        [0, 1000],
        [1, 1000],
        [2, 1000],
      ]),
    );
    const stored = await readPartitions(config, topic);
    for (const [partition, values] of stored) {
      const wanted = Array.from({ length: 1000 }, (_, at) => String(at * 3 + partition));
      assert.deepEqual(values.map(String), wanted);
    }
  });

  test('splits what is more than one record batch may hold', async () => {
    const topic = await newTopic(1);
    const records = Array.from({ length: 40 }, (_, at) =>
      record(`${at}:${'x'.repeat(100_000)}`, { partition: 0 }),
    );
    await sender.send(topic, records, signal);
    const values = (await readPartitions(config, topic)).get(0) ?? [];
    assert.deepEqual(
      values.map((value) => String(value).split(':')[0]),
      records.map((_, at) => String(at)),
    );
  });

  test('takes a record of just under 1 MB and refuses a larger one by its size, sending nothing', async () => {
    const topic = await newTopic(1);
    await sender.send(topic, [record('x'.repeat(1_048_000), { partition: 0 })], signal);
    const sending = sender.send(topic, [record('small'), record('x'.repeat(1_100_000))], signal);
    await assert.rejects(
      sending,
      (error) => isCode(error, 'KAFKA_REJECTED') && /1100040 bytes/.test(error.message),
    );
    assert.equal((await admin.offsets(topic, signal)).get(0)?.highWatermark, 1n);
  });

  test('puts a key where kafkajs puts it', async () => {
    const topic = await newTopic(5);
    const keys = Array.from({ length: 50 }, (_, at) => `key-${at}-é`);
    await sender.send(
      topic,
      keys.map((key) => record(key, { key: Buffer.from(key) })),
      signal,
    );
    const stored = await readPartitions(config, topic);
    const choose = Partitioners.DefaultPartitioner();
    const partitionMetadata = [0, 1, 2, 3, 4].map((partitionId) => ({
      partitionId,
      partitionErrorCode: 0,
      leader: 1,
      replicas: [1],
      isr: [1],
    }));
    for (const key of keys) {
      const wanted = choose({ topic, partitionMetadata, message: { key, value: '' } });
      assert.ok(
        stored.get(wanted)?.some((value) => String(value) === key),
        key,
      );
    }
  });

  test('keeps headers, timestamps, null values and bytes that are no text', async () => {
    const topic = await newTopic(1);
    const bytes = Buffer.from([0, 255, 128]);
    await sender.send(
      topic,
      [
        {
          key: bytes,
          value: bytes,
          headers: { a: 'text', b: bytes },
          timestamp: 1234,
          partition: 0,
        },
        { key: null, value: null, partition: 0 },
      ],
      signal,
    );
    const kafka = new Kafka({ brokers: [...config.brokers], logLevel: logLevel.NOTHING });
    const consumer = kafka.consumer({ groupId: uniqueName('g'), maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message: { key, value, headers, timestamp } }) => {
          seen.push({ key, value, headers, timestamp });
          if (seen.length === 2) resolve();
        },
      });
    });
    await consumer.disconnect();
    assert.deepEqual(seen[0], {
      key: bytes,
      value: bytes,
      headers: { a: Buffer.from('text'), b: bytes },
      timestamp: '1234',
    });
    assert.equal((seen[1] as { value: unknown }).value, null);
  });

  test('names a topic that does not exist, at once', async () => {
    const topic = uniqueName('missing');
    const began = performance.now();
    await assert.rejects(
      sender.send(topic, [record('x')], signal),
      (error) => isCode(error, 'KAFKA_REJECTED') && error.message.includes(topic),
    );
    assert.ok(performance.now() - began < 5000);
  });

  test('a stop ends the waiting for an answer', async () => {
    const topic = await newTopic(1);
    const stopped = AbortSignal.abort(new Stopping('test'));
    await assert.rejects(sender.send(topic, [record('x')], stopped), Stopping);
    await sender.send(topic, [record('y')], signal);
  });

  test('after lost answers a repeated send doubles nothing and loses nothing', async () => {
    const topic = await newTopic(2);
    const [broker = ''] = stackEndpoints().kafka.brokers;
    const proxy = await FlakyKafka.listen(broker);
    const flaky = configSchema.parse({
      kafka: { brokers: [proxy.address], requestTimeoutMs: 5000 },
    }).kafka;
    const through = await KafkaSender.open(flaky, silentLog, signal);
    let at = 0;
    const wanted = new Map<number, string[]>([
      [0, []],
      [1, []],
    ]);
    for (let round = 0; round < 30; round += 1) {
      const records = Array.from({ length: 20 }, () => {
        const partition = at % 2;
        wanted.get(partition)?.push(String(at));
        return record(String(at++), { partition });
      });
      // Every third round the broker gets the records and its answer is thrown away.
      if (round % 3 === 0) proxy.loseAnswers(1);
      await through.send(topic, records, signal);
    }
    await through.close();
    proxy.close();
    assert.equal(proxy.answersLost, 10);
    const stored = await readPartitions(config, topic);
    for (const [partition, values] of stored)
      assert.deepEqual(values.map(String), wanted.get(partition));
  });

  test('when nothing but lost answers came, the same send may be repeated and another one is not swallowed', async () => {
    const topic = await newTopic(1);
    const [broker = ''] = stackEndpoints().kafka.brokers;
    const proxy = await FlakyKafka.listen(broker);
    const through = await KafkaSender.open(
      { ...config, brokers: [proxy.address] },
      silentLog,
      signal,
    );
    const records = (name: string) =>
      [0, 1, 2].map((at) => record(`${name}${at}`, { partition: 0 }));
    const lostSend = async (lost: readonly OutgoingRecord[]) => {
      proxy.loseAnswers(Number.POSITIVE_INFINITY);
      await assert.rejects(through.send(topic, lost, signal), (error) =>
        isCode(error, 'KAFKA_UNAVAILABLE'),
      );
      proxy.loseAnswers(0);
    };
    const [a, b, c] = [records('a'), records('b'), records('c')];
    await lostSend(a);
    await through.send(topic, a, signal);
    await lostSend(b);
    // The broker has b under the sequence numbers that c would get: c must not pass for its repetition.
    await through.send(topic, c, signal);
    await through.close();
    proxy.close();
    const values = ((await readPartitions(config, topic)).get(0) ?? []).map(String);
    assert.deepEqual(values, ['a0', 'a1', 'a2', 'b0', 'b1', 'b2', 'c0', 'c1', 'c2']);
  });
});
