// A connection that breaks while a coordinator is looked up, on the real Kafka of the stack.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer } from '../../clients/kafka/consumer.ts';
import { TransactionalSender } from '../../clients/kafka/transactions.ts';
import { configSchema } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import { deferred } from '../../pipeline/retry.ts';
import { FlakyKafka } from '../support/flaky-kafka.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const { signal } = new AbortController();

/** A broker whose connections break on demand, the settings that lead to it, and a topic of two partitions. */
async function flakyWorld(t: TestContext) {
  const [address = ''] = stackEndpoints().kafka.brokers;
  const broker = await FlakyKafka.listen(address);
  t.after(() => broker.close());
  const flaky = configSchema.parse({ kafka: { brokers: [broker.address] } }).kafka;
  const admin = await KafkaAdmin.open(flaky, silentLog, signal);
  const topic = uniqueName('t');
  await admin.ensureTopic(topic, { partitions: 2, replication: 1 }, signal);
  await admin.close();
  return { broker, flaky, topic };
}

test('a connection that breaks while the coordinator is looked up is no missing right', async (t) => {
  const { broker, flaky, topic } = await flakyWorld(t);
  const group = uniqueName('g');
  const asking = await KafkaAdmin.open(flaky, silentLog, signal);
  t.after(() => asking.close());
  broker.breakLookUps(1);
  assert.deepEqual(await asking.groupOffsets(group, topic), new Map());
  assert.equal(broker.lookUpsLeftToBreak, 0);
  broker.breakLookUps(1);
  const options = { topics: [topic], group, sessionTimeoutMs: 6000, retryMs: 60_000 };
  const consumer = GroupConsumer.create(flaky, options, silentLog);
  t.after(() => consumer.close());
  const begun = deferred<number>();
  await consumer.run({
    assigned: (all) => begun.resolve(all.length),
    records: () => true,
    passedOver: () => {},
  });
  assert.equal(await begun.promise, 2);
  assert.equal(broker.lookUpsLeftToBreak, 0);
});

test('a transaction whose coordinator cannot be looked up is made again by a new producer', async (t) => {
  const { broker, flaky, topic } = await flakyWorld(t);
  const names = { transactionalId: uniqueName('x'), group: uniqueName('g'), topics: [topic] };
  const options = { ...names, recordBytesMax: 1000 };
  const sender = await TransactionalSender.open(flaky, options, silentLog, signal);
  t.after(() => sender.close());
  broker.breakLookUps(1);
  const output = new Map([[topic, [{ key: null, value: Buffer.from('{}'), partition: 0 }]]]);
  const offsets = [{ topic, partition: 0, offset: 0n, metadata: '' }];
  await assert.rejects(sender.commit(output, offsets), { code: 'KAFKA_UNAVAILABLE' });
  assert.equal(broker.lookUpsLeftToBreak, 0);
});
