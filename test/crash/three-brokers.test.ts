// Three brokers, of which one after the other dies under load: nothing acknowledged is lost, nothing stands twice, and the
// consumer, or weather-alerts with its transactions, goes on by itself. The stack is this file's own; rows go to the HiveServer2 of the test run.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runWeatherAlerts } from '../../consumer/weather-alerts.ts';
import { configSchema, type Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { type Log, silentLog } from '../../pipeline/log.ts';
import { withRetry } from '../../pipeline/retry.ts';
import { startOne, up, wipe } from '../../stack/launch.ts';
import { killNode } from '../../stack/run.ts';
import { alertSettings, allCommitted, assertExact, raining } from '../support/alerts-world.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { readPartitions } from '../support/topic.ts';
import { post, posts, start, World } from '../support/world.ts';

const PARTITIONS = 6;
const { signal } = new AbortController();
const stack = {
  dataDir: join(tmpdir(), uniqueName('kafka-hive-brokers')),
  ...({ ports: 'free', log: silentLog, signal } as const),
};

let world: World;
let settings: Settings;
let admin: KafkaAdmin;
before(async () => {
  const { kafka } = await up({ ...stack, services: ['kafka'], brokers: 3 });
  const shared = testSettings({ batch: { size: 500, idleMsMax: 300, ageMsMax: 500 } });
  const config = { ...shared.config, kafka: configSchema.parse({ kafka }).kafka };
  settings = { ...shared, config };
  world = await World.open(shared);
  admin = await KafkaAdmin.open(config.kafka, silentLog, signal, 60_000);
});
after(async () => {
  await admin?.close();
  await world?.close();
  await wipe(stack);
  rmSync(stack.dataDir, { recursive: true, force: true });
});

/** The broker that coordinates a group, counted from 1: the one that is asked for it. */
async function coordinator(groupId = settings.params.consumer.group): Promise<number> {
  const { brokers } = settings.config.kafka;
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId });
  let asked = '';
  consumer.on(consumer.events.REQUEST, ({ payload }) => {
    if (payload.apiName === 'DescribeGroups') asked = payload.broker;
  });
  await consumer.connect();
  await eventually(() => consumer.describeGroup());
  await consumer.disconnect();
  return brokers.indexOf(asked) + 1;
}

/** As `coordinator`, of a transactional id that nobody uses yet. */
async function transactionCoordinator(transactionalId: string): Promise<number> {
  const { brokers } = settings.config.kafka;
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  let asked = '';
  producer.on(producer.events.REQUEST, ({ payload }) => {
    if (payload.apiName === 'InitProducerId') asked = payload.broker;
  });
  await producer.connect();
  await eventually(async () => (await producer.transaction()).abort());
  await producer.disconnect();
  return brokers.indexOf(asked) + 1;
}

/** Resolves when every broker has all of the topic. */
async function inSync(topic: string): Promise<void> {
  const kafka = new Kafka({
    brokers: [...settings.config.kafka.brokers],
    logLevel: logLevel.NOTHING,
  });
  const bare = kafka.admin();
  await bare.connect();
  await eventually(async () => {
    const { topics } = await bare.fetchTopicMetadata({ topics: [topic] });
    assert.ok(
      topics[0]?.partitions.every(({ isr }) => isr.length === 3),
      'not in sync',
    );
  }, 120_000);
  await bare.disconnect();
}

/** Some 500 records a second, numbered, to all partitions in turn. What is not acknowledged is sent again. */
function produce(sender: KafkaSender, topic: string) {
  const stopped = new AbortController();
  const policy = { delayMs: 100, delayMsMax: 1000, deadlineMs: 120_000 };
  const state = { acknowledged: 0, stallMs: 0 };
  const run = async () => {
    for (let ackAt = performance.now(); !stopped.signal.aborted; await delay(100)) {
      const records = Array.from({ length: 48 }, (_, at) => ({
        ...post(state.acknowledged + at),
        partition: at % PARTITIONS,
      }));
      await withRetry(() => sender.send(topic, records, signal), policy, systemClock, signal);
      state.acknowledged += records.length;
      state.stallMs = Math.max(state.stallMs, performance.now() - ackAt);
      ackAt = performance.now();
    }
  };
  const done = run();
  done.catch(() => undefined);
  const stop = () => {
    stopped.abort();
    return done;
  };
  return { state, stop };
}

/** A log that notes where each partition is placed to, and the longest time one of them stood still. */
function placements() {
  const placed = new Map<number, { end: number; at: number }>();
  const state = { stallMs: 0 };
  const log: Log = {
    ...silentLog,
    info(message, fields = {}) {
      if (!message.startsWith('batch')) return;
      const partition = Number(fields['partition']);
      const last = placed.get(partition);
      const at = performance.now();
      if (last) state.stallMs = Math.max(state.stallMs, at - last.at);
      placed.set(partition, { end: Number(fields['end']), at });
    },
    with: () => log,
  };
  const reached = (each: number) =>
    eventually(() => {
      const ends = [...placed.values()].map(({ end }) => end);
      assert.ok(ends.length === PARTITIONS && ends.every((end) => end >= each), `${ends}`);
    }, 120_000);
  return { log, state, reached };
}

test('the brokers that coordinate the group die one after the other under load: nothing is lost, nothing doubled, nobody ends', async (t) => {
  const { topic, table } = settings.params;
  await admin.ensureTopic(topic, { partitions: PARTITIONS, replication: 3 }, signal);
  const { log, state: consumer, reached } = placements();
  const running = start((deps) => runConsumerFromPosition(settings, { ...deps, log }));
  const sender = await KafkaSender.open(settings.config.kafka, silentLog, signal, 60_000);
  const { state: producer, stop } = produce(sender, topic);
  /** Everything that is acknowledged by now, and some more, is placed. */
  const goesOn = () => reached(producer.acknowledged / PARTITIONS + 100);
  await Promise.race([goesOn(), running.done]);
  Object.assign(consumer, { stallMs: 0 });
  Object.assign(producer, { stallMs: 0 });
  for (let death = 1; death <= 2; death += 1) {
    await inSync(topic);
    const name = `broker ${await coordinator()}`;
    await killNode(stack.dataDir, name);
    await Promise.race([goesOn(), running.done]);
    await startOne(stack, name);
  }
  await Promise.race([goesOn(), running.done]);
  await stop();
  const each = producer.acknowledged / PARTITIONS;
  await Promise.race([reached(each), running.done]);
  const { rows } = await running.stop();
  await sender.close();
  t.diagnostic(
    `longest stall: producer ${Math.round(producer.stallMs)} ms, consumer ${Math.round(consumer.stallMs)} ms; ${rows} records`,
  );
  const stored = await readPartitions(settings.config.kafka, topic);
  for (const [partition, values] of stored) {
    const ids = values.map((value) => Number(JSON.parse(String(value)).id));
    const sent = Array.from({ length: each }, (_, at) => at * PARTITIONS + partition);
    assert.deepEqual(ids, sent, `partition ${partition} of the topic`);
  }
  assert.deepEqual(
    await world.offsets(table.name),
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      ...{ partition, rows: each, distinct: each, first: 0, last: each - 1 },
    })),
  );
});

test('all brokers die and come back: a consumer waits and goes on, unless that takes longer than limits.retryMs', async (t) => {
  const topic = uniqueName('t');
  await admin.ensureTopic(topic, { partitions: PARTITIONS, replication: 3 }, signal);
  await inSync(topic);
  const consume = (retryMs: number) => {
    const { params } = testSettings({ topic, limits: { retryMs }, batch: { idleMsMax: 300 } });
    const { log, reached } = placements();
    const running = start((deps) =>
      runConsumerFromPosition({ ...settings, params }, { ...deps, log }),
    );
    return { running, reached, table: params.table.name };
  };
  const patient = consume(600_000);
  const impatient = consume(3000);
  const sender = await KafkaSender.open(settings.config.kafka, silentLog, signal, 60_000);
  const records = (first: number) => posts(10 * PARTITIONS, PARTITIONS, first);
  await sender.send(topic, records(0), signal);
  await Promise.all([patient.reached(10), impatient.reached(10)]);
  const brokers = ['broker 1', 'broker 2', 'broker 3'];
  await Promise.all(brokers.map((name) => killNode(stack.dataDir, name)));
  await assert.rejects(impatient.running.done, (error) => {
    assert.ok(isCode(error, 'KAFKA_UNAVAILABLE'), String(error));
    assert.equal(error.exit, 3);
    return true;
  });
  await up({ ...stack, services: ['kafka'] });
  const serving = performance.now();
  const policy = { delayMs: 100, delayMsMax: 1000, deadlineMs: 120_000 };
  const more = records(10 * PARTITIONS);
  await withRetry(() => sender.send(topic, more, signal), policy, systemClock, signal);
  await Promise.race([patient.reached(20), patient.running.done]);
  t.diagnostic(
    `placed again ${Math.round(performance.now() - serving)} ms after the brokers were back`,
  );
  assert.equal((await patient.running.stop()).rows, 20 * PARTITIONS);
  await sender.close();
});

test('the brokers that coordinate the transactions and the group of weather-alerts die under load: no alert and no count is lost or doubled', async (t) => {
  const partitions = 3;
  const { params } = alertSettings();
  const producer = { ...params.producer, topicReplication: 3 };
  const own: Settings = { config: settings.config, params: { ...params, producer } };
  const { topic, alerts } = params;
  const sky = await World.open(own);
  await admin.ensureTopic(topic, { partitions, replication: 3 }, signal);
  await inSync(topic);
  const first = await transactionCoordinator(alerts.group);
  const running = start((deps) => runWeatherAlerts(own, deps));
  const stop = raining(sky, topic, partitions);
  t.after(async () => {
    await Promise.allSettled([stop(), running.stop()]);
    await sky.close();
  });
  /** Everything that is in the topic by now, which is not nothing, is read and committed. */
  const goesOn = async () => {
    const ends = await eventually(async () => {
      const found = [...(await admin.offsets(topic, signal))];
      assert.ok(
        found.every(([, { highWatermark }]) => highWatermark > 0n),
        'a partition is empty',
      );
      return found;
    });
    const isRead = async () => {
      const committed = await admin.groupOffsets(alerts.group, topic, signal);
      for (const [partition, { highWatermark }] of ends) {
        const { offset = 0n } = committed.get(partition) ?? {};
        assert.ok(offset >= highWatermark, `${partition}: ${offset} of ${highWatermark}`);
      }
    };
    await Promise.race([eventually(isRead, 120_000), running.done]);
  };
  let stallMs = 0;
  await goesOn();
  for (const victim of [async () => first, () => coordinator(alerts.group)]) {
    await inSync(topic);
    const name = `broker ${await victim()}`;
    const diedAt = performance.now();
    await killNode(stack.dataDir, name);
    await goesOn();
    stallMs = Math.max(stallMs, performance.now() - diedAt);
    await startOne(stack, name);
  }
  await stop();
  await Promise.race([eventually(() => allCommitted(own, sky), 120_000), running.done]);
  await running.stop();
  t.diagnostic(`read on at most ${Math.round(stallMs)} ms after a death`);
  await assertExact(own, sky);
});
