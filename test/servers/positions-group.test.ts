// The store that keeps positions as offsets of the consumer group, on the real broker.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer, type GroupConsumerListener } from '../../clients/kafka/consumer.ts';
import { GroupPositions } from '../../consumer/positions/group.ts';
import type { Settings } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import { deferred } from '../../pipeline/retry.ts';
import { positionStoreContract } from '../contract/position-store.contract.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';

const signal = new AbortController().signal;

/** Joins the group and holds all partitions of the topic; what it reads is of no interest. */
async function joined({ config }: Settings, topic: string, group: string): Promise<GroupConsumer> {
  const options = { topics: [topic], group, sessionTimeoutMs: 10_000, retryMs: 60_000 };
  const consumer = GroupConsumer.create(config.kafka, options, silentLog);
  const assigned = deferred<void>();
  const listener: GroupConsumerListener = {
    assigned: () => assigned.resolve(),
    records: () => true,
    passedOver: () => {},
  };
  await consumer.run(listener);
  await assigned.promise;
  return consumer;
}

async function worldOf(settings: Settings) {
  const topic = uniqueName('group_store');
  const group = uniqueName('group');
  const admin = await KafkaAdmin.open(settings.config.kafka, silentLog, signal, 60_000);
  await admin.ensureTopic(topic, { partitions: 3, replication: 1 }, signal);
  const consumer = await joined(settings, topic, group);
  const make = () =>
    new GroupPositions({ group, admin, commit: (placed) => consumer.commit(placed) });
  const dispose = async () => {
    await consumer.close();
    await admin.close();
  };
  return { topic, group, admin, consumer, make, dispose };
}

positionStoreContract('group, on a real broker', () => worldOf(testSettings()));

describe('the group store on a real broker', () => {
  let world: Awaited<ReturnType<typeof worldOf>>;
  before(async () => {
    world = await worldOf(testSettings());
  });
  after(() => world.dispose());

  test('lag tools see the position, and the start and attempt of the last batch beside it', async () => {
    const { topic, group, admin } = world;
    await world.make().advance({ topic, partition: 2, start: 40n, end: 50n, attempt: 'a1' });
    const committed = await admin.groupOffsets(group, topic);
    assert.deepEqual(committed.get(2), { offset: 50n, metadata: '40 a1' });
  });

  test('an offset that another tool committed is no hint', async () => {
    const { topic, consumer } = world;
    const store = world.make();
    await store.advance({ topic, partition: 0, start: 3n, end: 9n, attempt: 'a1' });
    // A commit that the coordinator refuses is no error: the next one comes anyway.
    await eventually(async () => {
      await consumer.commit({ topic, partition: 0, start: 9n, end: 9n, attempt: 'a1' });
      assert.equal(await store.last({ topic, partition: 0 }), undefined);
    });
  });
});
