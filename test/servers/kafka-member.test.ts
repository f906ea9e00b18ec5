// A consumer that is closed in the midst of something is no member of its group any more, on the real Kafka of the stack.
import assert from 'node:assert/strict';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer, type GroupConsumerListener } from '../../clients/kafka/consumer.ts';
import { configSchema } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import { deferred } from '../../pipeline/retry.ts';
import { eventually } from '../support/eventually.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const { signal } = new AbortController();
const SESSION_MS = 6000;
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

/** An address where nobody listens until `open`; then the broker does. */
async function closedDoor(t: TestContext) {
  const [broker = ''] = config.brokers;
  const [host = '', port] = broker.split(':');
  const server = createServer((client) => {
    const upstream = connect(Number(port), host);
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.pipe(upstream).pipe(client);
  });
  const listen = (at: number) =>
    new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const { port: own } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  t.after(() => server.close());
  return { address: `127.0.0.1:${own}`, open: () => listen(own) };
}

test('closed while it connects, it does not join when the broker comes', async (t) => {
  const options = await newGroup();
  const door = await closedDoor(t);
  const consumer = GroupConsumer.create({ ...config, brokers: [door.address] }, options, silentLog);
  const joins: unknown[] = [];
  consumer.run(listener((all) => joins.push(all))).catch(() => {});
  await delay(200);
  await consumer.close();
  await door.open();
  // As long as kafkajs goes on with what it had begun.
  await delay(3000);
  assert.deepEqual(await admin.groupState(options.group), { state: 'Dead', members: 0 });
  assert.deepEqual(joins, []);
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
  const hasJoined: unknown[] = [];
  second.run(listener((all) => hasJoined.push(all))).catch(() => {});
  // The first one answers the rebalance with its next heartbeat.
  await eventually(async () => {
    assert.equal((await admin.groupState(options.group)).state, 'PreparingRebalance');
  });
  await second.close();
  await eventually(async () => {
    assert.equal(owned.at(-1), 2);
    assert.deepEqual(await admin.groupState(options.group), { state: 'Stable', members: 1 });
  }, SESSION_MS * 4);
});
