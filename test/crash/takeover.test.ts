// Takeover of topic partitions from a member that is killed, frozen and bounced: in time, and without a row lost or doubled.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Settings } from '../../params/schema.ts';
import { ConsumerProcess } from '../support/consumer-process.ts';
import type { DeliveryStep } from '../support/delivery-steps.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { posts, World } from '../support/world.ts';

const SESSION_MS = 6000;

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Waits until the table holds offsets 0 to before `each` of every partition, once each. */
function holds({ params }: Settings, partitions: number, each: number): Promise<void> {
  const whole = Array.from({ length: partitions }, (_, partition) => ({
    ...{ partition, rows: each, distinct: each, first: 0, last: each - 1 },
  }));
  const probe = async () => assert.deepEqual(await world.offsets(params.table.name), whole);
  return eventually(probe, 120_000, 300);
}

const committed = async ({ params }: Settings) => {
  const offsets = await world.admin.groupOffsets(params.consumer.group, params.topic);
  return [...offsets.values()].map(({ offset }) => Number(offset));
};

/** Waits until each of `members` has partitions, all of `count` among them. */
function share(count: number, ...members: readonly ConsumerProcess[]): Promise<void> {
  return eventually(() => {
    const held = members.map(({ assigned }) => assigned);
    assert.ok(
      held.every(({ length }) => length > 0),
      'a member without a partition',
    );
    assert.equal(held.flat().length, count);
    assert.equal(new Set(held.flat()).size, count);
  }, 90_000);
}

/** The time of the first batch of `partition` that `member` placed from offset `from` on. */
function placedAt(member: ConsumerProcess, partition: number, from: number): Promise<number> {
  return eventually(() => {
    const line = member
      .said('batch placed')
      .find((one) => one['partition'] === partition && Number(one['start']) >= from);
    assert.ok(line, `nothing of partition ${partition} was placed from ${from} on`);
    return Date.parse(line.time);
  }, 90_000);
}

test('the partitions of a killed member are taken over when its session is over', async (t) => {
  const settings = testSettings({
    consumer: { sessionTimeoutMs: SESSION_MS },
    batch: { size: 5, idleMsMax: 200 },
  });
  const { topic } = settings.params;
  await world.createTopic(topic, 2);
  const members = [new ConsumerProcess(settings), new ConsumerProcess(settings)];
  const [dying, surviving] = members as [ConsumerProcess, ConsumerProcess];
  await share(2, dying, surviving);
  await world.send(topic, posts(20, 2));
  await holds(settings, 2, 10);
  const [partition = -1] = dying.assigned;
  await dying.kill();
  const killedAt = Date.now();
  await world.send(topic, posts(20, 2, 20));
  const ms = (await placedAt(surviving, partition, 10)) - killedAt;
  t.diagnostic(`takeover ${ms} ms after the kill; the session time-out is ${SESSION_MS} ms`);
  await holds(settings, 2, 20);
  await surviving.stop();
});

/** A consumer froze after `step` of its first delivery; another takes over and goes on; then the first wakes. */
async function wakesUp(step: DeliveryStep, store: 'file' | 'group'): Promise<void> {
  const settings = testSettings({
    consumer: { sessionTimeoutMs: SESSION_MS },
    positions: { store },
    batch: { size: 5, idleMsMax: 200 },
  });
  const { topic } = settings.params;
  await world.createTopic(topic, 1);
  await world.send(topic, posts(5, 1));
  const frozen = new ConsumerProcess(settings, step);
  await eventually(() => assert.ok(frozen.isStopped, frozen.told), 90_000);
  const other = new ConsumerProcess(settings);
  await share(1, other);
  await world.send(topic, posts(45, 1, 5));
  await holds(settings, 1, 50);
  await eventually(async () => assert.deepEqual(await committed(settings), [50]));
  const seen: number[] = [];
  const watched = new AbortController();
  const watch = (async () => {
    for (; !watched.signal.aborted; await delay(50)) seen.push(...(await committed(settings)));
  })();
  frozen.signal('SIGCONT');
  const joins = () => frozen.said('partitions assigned').length;
  await eventually(
    () => assert.ok(joins() >= 2, `${step}, store ${store}: ${frozen.told}`),
    90_000,
  );
  await world.send(topic, posts(10, 1, 50));
  await holds(settings, 1, 60);
  await eventually(async () => assert.deepEqual(await committed(settings), [60]));
  watched.abort();
  await watch;
  const back = seen.filter((offset, at) => offset < (seen[at - 1] ?? 50));
  assert.deepEqual(back, [], `${step}, store ${store}: the group's offset went back`);
  await Promise.all([frozen.stop(), other.stop()]);
  await holds(settings, 1, 60);
}

test('G08 G09 T05: a consumer frozen past its session in the midst of a delivery doubles no row and moves no position back', async () => {
  await Promise.all([
    wakesUp('staged', 'file'),
    wakesUp('committed', 'group'),
    wakesUp('placed', 'group'),
    wakesUp('advanced', 'file'),
  ]);
});

test('G06 N01: three consumers bounced in turn, cleanly and by SIGKILL, and all killed at once: every row stands once', async () => {
  const settings = testSettings({
    consumer: { sessionTimeoutMs: SESSION_MS },
    batch: { size: 40, idleMsMax: 300 },
  });
  const { topic } = settings.params;
  await world.createTopic(topic, 6);
  const members = Array.from({ length: 3 }, () => new ConsumerProcess(settings));
  await share(6, ...members);
  const producing = new AbortController();
  const producer = (async () => {
    let sent = 0;
    for (; !producing.signal.aborted; sent += 12) {
      await world.send(topic, posts(12, 6, sent));
      await delay(120);
    }
    return sent;
  })();
  const bounce = async (at: number, kill: boolean) => {
    const member = members[at];
    assert.ok(member);
    await (kill ? member.kill() : member.stop());
    members[at] = new ConsumerProcess(settings);
    // Clean: the next one goes when this one is back. Killed: bounces meet sessions that are not over yet.
    if (!kill) await share(6, ...members);
  };
  for (const at of [1, 2]) await bounce(at, false);
  for (const at of [2, 0, 1]) await bounce(at, true);
  await share(6, ...members);
  await Promise.all(members.map((member) => member.kill()));
  const restarted = Array.from({ length: 3 }, () => new ConsumerProcess(settings));
  await share(6, ...restarted);
  producing.abort();
  const sent = await producer;
  await holds(settings, 6, sent / 6);
  await Promise.all(restarted.map((member) => member.stop()));
});
