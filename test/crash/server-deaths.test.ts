// A broker, the NameNode, the DataNode or HiveServer2 dies under running consumers and comes back, on a stack of its own:
// nothing is lost, nothing is doubled, and no consumer has to be started again.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { z } from 'zod';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runHdfsConsumer } from '../../consumer/hdfs-consumer.ts';
import type { paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import { withRetry } from '../../pipeline/retry.ts';
import { ensureArtifact } from '../../stack/artifacts.ts';
import { HDFS_USER } from '../../stack/hdfs.ts';
import { javaCommand } from '../../stack/java.ts';
import { type NodeName, PROXIED, type WorldFault } from '../chaos/fault.ts';
import { type World as Nemesis, openChaosWorld } from '../chaos/nemesis/world.ts';
import { eventually } from '../support/eventually.ts';
import { heardLog } from '../support/heard-log.ts';
import {
  alerts,
  linesOf,
  locationSettings,
  mustBeTidy,
  mustHoldOnce,
  readTree,
} from '../support/locations.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { post, posts, start, World } from '../support/world.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Longer than any test: such a fault ends when the test heals the world. */
const UNTIL_HEALED_MS = DAY_MS;
const RETRY = { delayMs: 50, delayMsMax: 500, deadlineMs: 60_000 };
const { signal } = new AbortController();

const dataDir = mkdtempSync(join(tmpdir(), 'kafka-hive-deaths-'));
let nemesis: Nemesis;
let world: World;
before(async () => {
  nemesis = await openChaosWorld({ clients: 2, dataDir, signal });
  world = await World.open({ ...testSettings(), config: nemesis.direct });
});
after(async () => {
  await world?.close();
  await nemesis?.close();
});

/** A topic of two partitions, and a consumer at its beginning that runs until the test is over. */
async function consume(t: TestContext, params: z.input<typeof paramsSchema>) {
  const settings = { ...testSettings(params), config: nemesis.config(0) };
  const { topic, table } = settings.params;
  await world.createTopic(topic, 2);
  const { log, until } = heardLog();
  const run = start((deps) => runConsumerFromPosition(settings, { ...deps, log }));
  t.after(async () => {
    // What a failed test has left broken would keep the consumer from ending.
    await nemesis.heal();
    await run.stop();
  });
  await Promise.race([until(/reading from/, 2, 120_000), run.done]);
  return { topic, table: table.name, until };
}

/** Waits until `table` holds offsets 0 to before `count` of both topic partitions, each once. */
async function holds(table: string, counts: readonly [number, number]): Promise<void> {
  const wanted = counts.map((count, partition) => {
    return { partition, rows: count, distinct: count, first: 0, last: count - 1 };
  });
  await eventually(async () => assert.deepEqual(await world.offsets(table), wanted), 120_000, 300);
}

/** As an operator does it: WebHDFS has no word for it. */
async function safeMode(action: 'enter' | 'leave'): Promise<void> {
  const { jars } = await ensureArtifact('hdfs', { log: silentLog, signal });
  const classPath = [join(dataDir, 'hdfs/conf/namenode'), ...jars].join(':');
  const admin = ['org.apache.hadoop.hdfs.tools.DFSAdmin', '-safemode', action];
  const env = { ...process.env, HADOOP_USER_NAME: HDFS_USER };
  await promisify(execFile)(javaCommand(), ['-cp', classPath, ...admin], { env });
}

function kill(target: NodeName, durationMs = 0): Promise<void> {
  return nemesis.inject({ kind: 'kill-service', target, atMs: 0, durationMs });
}

test('G04: a broker is restarted between two sends: both are there once', async (t) => {
  const { topic, table } = await consume(t, { batch: { size: 5 } });
  await world.send(topic, posts(20, 2));
  await kill('broker 1');
  await world.send(topic, posts(20, 2, 20));
  await holds(table, [20, 20]);
});

test('a send whose answer is lost is there once, although the broker dies before it is repeated', async (t) => {
  const topic = uniqueName('t');
  await world.createTopic(topic, 1);
  const sender = await KafkaSender.open(nemesis.config(1).kafka, silentLog, signal);
  t.after(async () => {
    await nemesis.heal();
    await sender.close();
  });
  // Brokers as Kafka ships them forget the producer of such old ones when they start.
  const timestamp = Date.now() - 3 * DAY_MS;
  const records = posts(6, 1).map((record) => ({ ...record, timestamp }));
  await sender.send(topic, records.slice(0, 3), signal);
  const at = { atMs: 0, durationMs: UNTIL_HEALED_MS };
  const lost = nemesis.inject({
    ...at,
    kind: 'half-open',
    direction: 'to-client',
    target: 'kafka',
  });
  const rest = records.slice(3);
  const patient = { ...RETRY, deadlineMs: 180_000 };
  const sending = withRetry(() => sender.send(topic, rest, signal), patient, systemClock, signal);
  sending.catch(() => {});
  const end = async () => (await world.admin.offsets(topic, signal)).get(0)?.highWatermark;
  await eventually(async () => assert.equal(await end(), 6n));
  await kill('broker 1');
  await nemesis.heal();
  await lost;
  await sending;
  assert.equal(await end(), 6n);
});

test('F05 F07: without a DataNode a delivery waits, and goes on when it is back: no loss, no empty file', async (t) => {
  const { topic, table, until } = await consume(t, { batch: { size: 30 } });
  const files = new WebHdfs(nemesis.direct.hdfs);
  t.after(() => files.close());
  const away = kill('datanode 1', UNTIL_HEALED_MS);
  await eventually(() => assert.rejects(files.create('/tmp/probe', Buffer.from('x'), signal)));
  await world.send(topic, posts(60, 2));
  await until(/staging failed, trying again.*HDFS_UNAVAILABLE/);
  await nemesis.heal();
  await away;
  await holds(table, [30, 30]);

  const restart = kill('datanode 1');
  await world.send(topic, posts(60, 2, 60));
  await restart;
  await holds(table, [60, 60]);

  const root = `/warehouse/external/${table}`;
  const days = (await files.list(root, signal)) ?? [];
  for (const { name } of days.filter((entry) => entry.name.startsWith('dt='))) {
    const placed = (await files.list(`${root}/${name}`, signal)) ?? [];
    assert.ok(placed.length > 0);
    for (const file of placed) assert.ok(file.bytes > 0, `${file.name} is empty`);
  }
});

test('F08: a NameNode in safe mode, then one that is killed, is tried again until it serves', async (t) => {
  const { topic, table, until } = await consume(t, { batch: { size: 10 } });
  await safeMode('enter');
  await world.send(topic, posts(20, 2));
  await until(/trying again.*SafeModeException/);
  await safeMode('leave');
  await holds(table, [10, 10]);

  const away = kill('namenode', UNTIL_HEALED_MS);
  await eventually(() => assert.rejects(fetch(`${nemesis.direct.hdfs.nameNodes[0]}/jmx`)));
  await world.send(topic, posts(20, 2, 20));
  await until(/trying again.*NameNode .*connection refused/);
  await nemesis.heal();
  await away;
  await holds(table, [20, 20]);
});

test('F05 F07 F08: NameNode and DataNode die for 20 s while the hdfs-consumer writes: it goes on by itself, each record stands once', async (t) => {
  const topic = uniqueName('alerts');
  const root = `/test/${topic}`;
  const files = new WebHdfs(nemesis.direct.hdfs);
  const place = { basePath: `${nemesis.hdfsUri}${root}`, files, root };
  const { params } = locationSettings(place, [topic], { batchSize: 50, flushIntervalMs: 300 });
  await world.createTopic(topic, 2);
  const run = start((deps) => runHdfsConsumer({ params, config: nemesis.config(0) }, deps));
  t.after(async () => {
    await nemesis.heal();
    await run.stop();
    files.close();
  });
  let sent = 0;
  const send = async () => {
    await world.send(topic, alerts(20, 2, sent));
    sent += 20;
  };
  const holds = () =>
    eventually(async () => mustHoldOnce(linesOf(await readTree(place)), 2, sent / 2), 120_000);
  await send();
  await Promise.race([holds(), run.done]);
  let isOver = false;
  const over = Promise.all([kill('namenode', 20_000), kill('datanode 1', 20_000)]).finally(() => {
    isOver = true;
  });
  for (; !isOver; await delay(300)) await send();
  await over;
  await send();
  await Promise.race([holds(), run.done]);
  assert.equal((await run.stop()).rows, sent, 'by the same process');
  await mustBeTidy(place);
});

test('HiveServer2 dies while hive-insert commits and while it places, and everything is there once', async (t) => {
  const { topic, table, until } = await consume(t, {
    ...{ consumer: { sink: 'hive-insert' }, batch: { size: 5 } },
  });
  let sent = 0;
  // Each time the other topic partition is in a statement of its own.
  for (const text of ['/entry-v1/end-', 'LOAD DATA']) {
    const isSent = nemesis.network.sent('hive', 0, text);
    await world.send(topic, posts(10, 2, sent));
    sent += 10;
    await isSent;
    await kill('hive');
    await until(/batch placed/, sent / 5);
  }
  await holds(table, [sent / 2, sent / 2]);
  await eventually(async () =>
    assert.deepEqual(await world.hive.query(`SHOW PARTITIONS ${table}_staging`, signal), []),
  );
});

test('F09: HiveServer2 dies while a table partition is added: that batch waits, others are placed without it', async (t) => {
  const { topic, table, until } = await consume(t, { batch: { size: 5 } });
  await world.send(topic, posts(20, 2));
  await until(/batch placed/, 4);
  const isSent = nemesis.network.sent('hive', 0, 'ADD IF NOT EXISTS');
  const timestamp = Date.now() - 3 * DAY_MS;
  const older = posts(5, 1, 20).map((record) => ({ ...record, timestamp }));
  await world.send(topic, older);
  await isSent;
  const away = kill('hive', UNTIL_HEALED_MS);
  await until(/placing failed, trying again.*HIVE_UNAVAILABLE/);
  await world.send(
    topic,
    posts(10, 1, 25).map((record) => ({ ...record, partition: 1 })),
  );
  await until(/batch placed.*partition=1/, 4);
  await nemesis.heal();
  await away;
  await holds(table, [15, 20]);
});

test('connections of every service are cut, lost and slowed down, and its processes stopped, and all goes on', async (t) => {
  const { topic, table } = await consume(t, { batch: { size: 5 } });
  const { kafka } = nemesis.config(1);
  const sender = await KafkaSender.open(kafka, silentLog, signal);
  t.after(() => sender.close());
  const at = { atMs: 0, durationMs: 300 };
  const faults: WorldFault[] = [
    ...PROXIED.flatMap((target): WorldFault[] => [
      { ...at, kind: 'cut', target },
      { ...at, kind: 'half-open', direction: 'both', target },
      { ...at, kind: 'half-open', direction: 'to-client', target, client: 0 },
      { ...at, kind: 'delay', delayMs: 30, target },
    ]),
    ...nemesis.nodes.map((target): WorldFault => ({ ...at, kind: 'freeze-service', target })),
  ];
  let sent = 0;
  for (const fault of faults) {
    const over = nemesis.inject(fault);
    for (let record = 0; record < 10; record += 1, sent += 1) {
      const one = [{ ...post(sent), partition: sent % 2 }];
      await withRetry(() => sender.send(topic, one, signal), RETRY, systemClock, signal);
    }
    await over;
  }
  await nemesis.heal();
  // What was sent again after a lost answer would show here, too.
  await holds(table, [sent / 2, sent / 2]);
});
