// A consumer that is closed in the midst of something is no member of its group any more, on the real Kafka of the stack.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer, type GroupConsumerListener } from '../../clients/kafka/consumer.ts';
import { configSchema } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import { deferred } from '../../pipeline/retry.ts';
import { TcpProxy } from '../chaos/nemesis/proxy.ts';
import { eventually } from '../support/eventually.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const { signal } = new AbortController();
const SESSION_MS = 12_000;
const config = configSchema.parse({
  kafka: { brokers: [...stackEndpoints().kafka.brokers] },
}).kafka;
let admin: KafkaAdmin;
before(async () => {
  admin = await KafkaAdmin.open(config, silentLog, signal);
});
after(() => admin.close());

async function newGroup() {
  const topic = uniqueName('t');
  await admin.ensureTopic(topic, { partitions: 2, replication: 1 }, signal);
  return { topics: [topic], group: uniqueName('g'), sessionTimeoutMs: SESSION_MS, retryMs: 60_000 };
}

const listener = (assigned: GroupConsumerListener['assigned']): GroupConsumerListener => ({
  assigned,
  records: () => true,
  passedOver: () => {},
});

test('closed while it connects, it does not join when the broker comes', async (t) => {
  const options = await newGroup();
  const [broker = ''] = config.brokers;
  const [host = '', port] = broker.split(':');
  const proxy = await TcpProxy.listen({ host, port: Number(port) });
  t.after(() => proxy.close());
  const open = await proxy.impose({ kind: 'cut' });
  const brokers = [`127.0.0.1:${proxy.port}`];
  const consumer = GroupConsumer.create({ ...config, brokers }, options, silentLog);
  consumer.run(listener(() => {})).catch(() => {});
  await delay(200);
  await consumer.close();
  await open();
  // As long as kafkajs goes on with what it had begun.
  await delay(3000);
  assert.deepEqual(await admin.groupState(options.group), { state: 'Dead', members: 0 });
});

test('closed while it waits for a join, it holds no topic partition when that is over', async (t) => {
  const options = await newGroup();
  const first = GroupConsumer.create(config, options, silentLog);
  t.after(() => first.close());
  const owned: number[] = [];
  const begun = deferred<void>();
  const joined = first.run(
    listener((all) => {
      owned.push(all.length);
      begun.resolve();
    }),
  );
  await Promise.all([joined, begun.promise]);
  const second = GroupConsumer.create(config, options, silentLog);
  second.run(listener(() => {})).catch(() => {});
  // The first one answers the rebalance with its next heartbeat.
  const isWaiting = async () =>
    assert.equal((await admin.groupState(options.group)).state, 'PreparingRebalance');
  await eventually(isWaiting, 60_000, 5);
  await second.close();
  await eventually(async () => {
    assert.equal(owned.at(-1), 2);
    assert.deepEqual(await admin.groupState(options.group), { state: 'Stable', members: 1 });
  }, SESSION_MS * 3);
});
