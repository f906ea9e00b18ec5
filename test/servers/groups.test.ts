// Consumers of one group and of several, on the real broker: who reads what, and what happens when that changes.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import type { Settings } from '../../params/schema.ts';
import { isCode } from '../../pipeline/errors.ts';
import { eventually } from '../support/eventually.ts';
import { heardLog } from '../support/heard-log.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { posts, start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** One more member of the group of `settings`, in this process, with a position file of its own. */
function member(settings: Settings) {
  const positions = {
    ...settings.params.positions,
    file: join(stateDirectory(), 'positions.json'),
  };
  const heard = heardLog();
  const running = start((deps) =>
    runConsumerFromPosition(
      { ...settings, params: { ...settings.params, positions } },
      { ...deps, log: heard.log },
    ),
  );
  return { ...running, ...heard };
}

/** Waits until the table holds the first `count` records of each of `partitions`, once each. */
async function holds(table: string, partitions: number, count: number): Promise<void> {
  const whole = Array.from({ length: partitions }, (_, partition) => ({
    ...{ partition, rows: count, distinct: count, first: 0, last: count - 1 },
  }));
  await eventually(async () => assert.deepEqual(await world.offsets(table), whole), 60_000, 300);
}

test('G03 G01 R12: a second consumer takes over a partition, and when it leaves the first goes on behind it', async () => {
  const settings = testSettings({ batch: { size: 3, idleMsMax: 500 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 2);
  const first = member(settings);
  await first.until(/partitions assigned.*\[0,1\]/);
  await world.send(topic, posts(14, 2));
  await holds(table.name, 2, 7);
  const second = member(settings);
  await second.until(/partitions assigned.*\[[01]\]/);
  await first.until(/partitions assigned.*\[[01]\]/);
  await world.send(topic, posts(14, 2, 14));
  await holds(table.name, 2, 14);
  const { rows } = await second.stop();
  assert.equal(rows, 7, 'the second consumer placed what its partition got meanwhile');
  await first.until(/partitions assigned.*\[0,1\]/, 2);
  await world.send(topic, posts(14, 2, 28));
  await holds(table.name, 2, 21);
  assert.equal((await first.stop()).rows, 35);
});

test('two groups with a table each get every record each', async () => {
  const settings = testSettings();
  const { topic, table, consumer } = settings.params;
  await world.createTopic(topic, 2);
  await world.send(topic, posts(40, 2));
  const other = {
    ...settings.params,
    consumer: { ...consumer, group: uniqueName('g') },
    table: { ...table, name: uniqueName('t') },
  };
  const both = [member(settings), member({ ...settings, params: other })];
  await Promise.all([holds(table.name, 2, 20), holds(other.table.name, 2, 20)]);
  const summaries = await Promise.all(both.map((one) => one.stop()));
  assert.deepEqual(
    summaries.map(({ rows }) => rows),
    [40, 40],
  );
});

test('two groups on one table share its ledger: each record is in it once, and both groups stand at its end', async () => {
  const settings = testSettings({ batch: { size: 7 } });
  const { topic, table, consumer } = settings.params;
  await world.createTopic(topic, 2);
  const group = uniqueName('g');
  const other = { ...settings.params, consumer: { ...consumer, group } };
  const both = [member(settings), member({ ...settings, params: other })];
  for (let first = 0; first < 200; first += 40) await world.send(topic, posts(40, 2, first));
  await holds(table.name, 2, 100);
  for (const name of [consumer.group, group]) {
    await eventually(async () => {
      const offsets = await world.admin.groupOffsets(name, topic);
      assert.deepEqual(
        [0, 1].map((partition) => offsets.get(partition)?.offset),
        [100n, 100n],
      );
    });
  }
  await Promise.all(both.map((one) => one.stop()));
  await holds(table.name, 2, 100);
});

test('partitions added to a running topic are read from their beginning, within 25 s', async () => {
  const settings = testSettings();
  const { topic, table } = settings.params;
  await world.createTopic(topic, 1);
  const running = member(settings);
  await running.until(/partitions assigned.*\[0\]/);
  await world.send(topic, posts(5, 1));
  await world.administer((admin) =>
    admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }),
  );
  const added = performance.now();
  // Before anybody has noticed.
  const sender = await World.open(settings);
  await eventually(() => sender.send(topic, posts(15, 3, 5)));
  await sender.close();
  await running.until(/partitions assigned.*\[0,1,2\]/, 1, 25_000);
  const seconds = ((performance.now() - added) / 1000).toFixed(1);
  await eventually(async () => {
    const offsets = await world.offsets(table.name);
    assert.deepEqual(
      offsets.map(({ partition, first, rows, distinct }) => [partition, first, rows, distinct]),
      [
        [0, 0, 10, 10],
        [1, 0, 5, 5],
        [2, 0, 5, 5],
      ],
    );
  });
  assert.equal((await running.stop()).rows, 20);
  console.log(`added partitions were assigned after ${seconds} s`);
});

test('a topic that is deleted while it is read ends the consumer with one clear error', async () => {
  const settings = testSettings({ batch: { idleMsMax: 300 } });
  const { topic } = settings.params;
  await world.createTopic(topic, 2);
  await world.send(topic, posts(10, 2));
  const running = member(settings);
  await running.until(/batch placed/, 2);
  await world.administer((admin) => admin.deleteTopics({ topics: [topic] }));
  const deleted = performance.now();
  await assert.rejects(running.done, (error) => {
    assert.ok(isCode(error, 'KAFKA_REJECTED'), String(error));
    assert.match(error.message, new RegExp(topic));
    return true;
  });
  console.log(
    `the deletion was noticed after ${((performance.now() - deleted) / 1000).toFixed(1)} s`,
  );
});
