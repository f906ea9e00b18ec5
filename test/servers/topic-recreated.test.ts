// A topic that is deleted and created again under a position is noticed before one record of it is placed, and nothing else is
// taken for that: not transactions, not compaction.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runPositions } from '../../consumer/positions/command.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Settings } from '../../params/schema.ts';
import { isCode } from '../../pipeline/errors.ts';
import { eventually } from '../support/eventually.ts';
import { heardLog } from '../support/heard-log.ts';
import { testSettings } from '../support/settings.ts';
import { Shapes } from '../support/shapes.ts';
import { posts, start, World } from '../support/world.ts';

let world: World;
let shapes: Shapes;
before(async () => {
  const settings = testSettings();
  world = await World.open(settings);
  shapes = new Shapes(settings.config.kafka);
});
after(() => world.close());

const untilEnd = (settings: Settings) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

async function createAgain(topic: string, records: number): Promise<void> {
  await world.administer((admin) => admin.deleteTopics({ topics: [topic] }));
  // The name is taken until every broker has heard of the deletion.
  await eventually(async () => {
    assert.equal((await world.administer((admin) => admin.listTopics())).includes(topic), false);
  });
  await world.createTopic(topic, 1);
  await world.send(topic, posts(records, 1, 1000));
}

const rows = async (settings: Settings) =>
  (await world.offsets(settings.params.table.name)).map(({ rows, last }) => [rows, last]);

test('a topic created again stops the next start, longer or shorter than what was read, until a person passes over its beginning', async () => {
  const settings = testSettings();
  const { topic } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(30, 1));
  assert.equal((await untilEnd(settings)).rows, 30);
  await createAgain(topic, 20);
  await assert.rejects(untilEnd(settings), (error) => isCode(error, 'POSITION_BEYOND_END'));
  const verifying = start((deps) => runVerify(settings, deps, { readTopic: true })).done;
  await assert.rejects(verifying, (error) => {
    assert.ok(isCode(error, 'VERIFY_FAILED'), String(error));
    assert.match(error.message, new RegExp(`${topic}-0: the ledger reaches to 30, the topic only`));
    return true;
  });
  await world.send(topic, posts(10, 1, 2000));
  await assert.rejects(untilEnd(settings), (error) => isCode(error, 'POSITION_TOPIC_RECREATED'));
  await world.send(topic, posts(10, 1, 3000));
  await assert.rejects(untilEnd(settings), (error) => {
    assert.ok(isCode(error, 'POSITION_TOPIC_RECREATED'), String(error));
    assert.match(error.message, new RegExp(`${topic}-0: the record at offset 29 `));
    assert.match(error.hint ?? '', /behind 30: positions set 0:<offset> --force/);
    return true;
  });
  assert.deepEqual(await rows(settings), [[30, 29]]);
  const to = [{ partition: 0, offset: 35n }];
  await start((deps) => runPositions(settings, deps, { kind: 'set', to, force: true })).done;
  assert.equal((await untilEnd(settings)).rows, 5);
  assert.equal((await untilEnd(settings)).rows, 0);
  assert.deepEqual(await rows(settings), [[35, 39]]);
});

test('a topic created again under a running consumer stops it, and no record of the new topic is placed', async () => {
  const settings = testSettings();
  const { topic } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(10, 1));
  const heard = heardLog();
  const running = start((deps) => runConsumerFromPosition(settings, { ...deps, log: heard.log }));
  await heard.until(/batch placed/);
  await createAgain(topic, 25);
  await assert.rejects(running.done, (error) => {
    // What it meets first depends on when it looks: no topic, a shorter one, or one with other records.
    const codes = ['KAFKA_REJECTED', 'POSITION_BEYOND_END', 'POSITION_TOPIC_RECREATED'] as const;
    assert.ok(
      codes.some((code) => isCode(error, code)),
      String(error),
    );
    return true;
  });
  assert.deepEqual(await rows(settings), [[10, 9]]);
  await assert.rejects(untilEnd(settings), (error) => isCode(error, 'POSITION_TOPIC_RECREATED'));
});

test('O01 O02: a position behind aborted transactions, markers, or a tombstone of a compacted topic is no other topic', async () => {
  const settings = testSettings({ consumer: { tombstones: 'skip' } });
  const { topic } = settings.params;
  await shapes.createTopic(topic, 1, { 'cleanup.policy': 'compact' });
  const transaction = (from: number, end: 'commit' | 'abort') =>
    shapes.transaction(topic, posts(5, 1, from), end);
  await transaction(0, 'commit');
  await transaction(10, 'abort');
  assert.equal((await untilEnd(settings)).rows, 5);
  assert.equal((await untilEnd(settings)).rows, 0);
  await transaction(20, 'abort');
  await transaction(30, 'commit');
  await world.send(topic, [{ key: Buffer.from('30'), value: null, partition: 0 }]);
  assert.equal((await untilEnd(settings)).rows, 5);
  assert.equal((await untilEnd(settings)).rows, 0);
  await transaction(40, 'commit');
  assert.equal((await untilEnd(settings)).rows, 5);
});

test('O03: retention that takes the last record from under an idle consumer is neither a loss nor another topic', async () => {
  const settings = testSettings({ batch: { idleMsMax: 200 }, positions: { store: 'group' } });
  const { topic, consumer } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(10, 1));
  const heard = heardLog();
  const running = start((deps) => runConsumerFromPosition(settings, { ...deps, log: heard.log }));
  await heard.until(/batch placed/);
  await world.deleteRecords(topic, 0, 10n);
  // After a second without records the consumer looks at its last record before it takes more: that one is gone.
  await sleep(1100);
  await world.send(topic, posts(5, 1, 10));
  await heard.until(/batch placed.*start=10 /);
  assert.equal((await running.stop()).rows, 15);
  assert.deepEqual(await rows(settings), [[15, 14]]);
  const committed = await world.admin.groupOffsets(consumer.group, topic);
  assert.equal(committed.get(0)?.offset, 15n);
});
