// Three consumer processes of one group over 12 topic partitions: one joins late, one leaves, one is killed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ConsumerProcess } from '../support/consumer-process.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { posts, World } from '../support/world.ts';

const PARTITIONS = 12;

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Waits until the members hold all partitions among them, as evenly as can be, each by one of them only. */
function shared(...members: readonly ConsumerProcess[]): Promise<void> {
  return eventually(() => {
    for (const member of members) member.mustRun();
    const held = members.map(({ assigned }) => assigned);
    const each = PARTITIONS / members.length;
    const told = members.map(({ lines }) => JSON.stringify(lines.slice(-5))).join('\n');
    assert.deepEqual(
      held.map(({ length }) => length),
      members.map(() => each),
      told,
    );
    assert.equal(new Set(held.flat()).size, PARTITIONS, told);
  }, 90_000);
}

/** Sends to all partitions in turn until it is told to stop; then resolves with the number sent. */
function sending(topic: string, everyMs: number) {
  const stopped = new AbortController();
  const run = async () => {
    let sent = 0;
    while (!stopped.signal.aborted) {
      await world.send(topic, posts(2 * PARTITIONS, PARTITIONS, sent));
      sent += 2 * PARTITIONS;
      await delay(everyMs);
    }
    return sent;
  };
  const done = run();
  return {
    stop() {
      stopped.abort();
      return done;
    },
  };
}

// Each batch costs HiveServer2 seconds with hive-insert: fewer records, and fewer and longer batches.
const SINKS = [
  { sink: 'hive-load', sendEveryMs: 200, batch: { size: 50, idleMsMax: 500, ageMsMax: 2000 } },
  { sink: 'hive-insert', sendEveryMs: 2000, batch: { size: 500, idleMsMax: 5000, ageMsMax: 5000 } },
] as const;

for (const { sink, sendEveryMs, batch } of SINKS) {
  test(`G05 G01: 3 processes share ${PARTITIONS} partitions with ${sink}; one joins late, one leaves, one is killed; every row stands once`, async () => {
    const settings = testSettings({
      consumer: { sink, sessionTimeoutMs: 6000 },
      batch,
    });
    const { topic, table, consumer } = settings.params;
    await world.createTopic(topic, PARTITIONS);
    const first = new ConsumerProcess(settings);
    const second = new ConsumerProcess(settings);
    const producer = sending(topic, sendEveryMs);
    await shared(first, second);
    const late = new ConsumerProcess(settings);
    await shared(first, second, late);
    await second.stop();
    await shared(first, late);
    await late.kill();
    await shared(first);
    const each = (await producer.stop()) / PARTITIONS;
    await eventually(
      async () => {
        first.mustRun();
        assert.deepEqual(
          await world.offsets(table.name),
          Array.from({ length: PARTITIONS }, (_, partition) => ({
            ...{ partition, rows: each, distinct: each, first: 0, last: each - 1 },
          })),
        );
      },
      240_000,
      500,
    );
    // What lag tools show is the truth, too.
    await eventually(async () => {
      const offsets = await world.admin.groupOffsets(consumer.group, topic);
      assert.deepEqual(
        [...offsets.values()].map(({ offset }) => Number(offset)),
        Array.from({ length: PARTITIONS }, () => each),
      );
    });
    await first.stop();
  });
}
