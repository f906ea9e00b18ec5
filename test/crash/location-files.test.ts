// The hdfs-consumer is killed with SIGKILL after every named step of a delivery and started again, on HDFS and on a local disk;
// processes share a base path on HDFS, one of them frozen past its session: every record stands once in the file of its location.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Settings } from '../../params/schema.ts';
import { ConsumerProcess } from '../support/consumer-process.ts';
import { DELIVERY_STEPS, type DeliveryStep } from '../support/delivery-steps.ts';
import { eventually } from '../support/eventually.ts';
import {
  alerts,
  linesOf,
  locationSettings,
  mustBeTidy,
  mustHoldOnce,
  newPlace,
  type Place,
  readTree,
} from '../support/locations.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { World } from '../support/world.ts';

const SCRIPT = 'killed-hdfs-consumer.ts';
const CHILD = join(import.meta.dirname, '../support', SCRIPT);
const SESSION_MS = 6000;

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Runs the child until it dies or ends; returns how it ended and what it logged. */
async function runChild(settings: Settings, step: DeliveryStep | 'none') {
  // A group of its own each time: the dead member's session need not be waited for. The ledger stays.
  const hdfsConsumer = { ...settings.params.hdfsConsumer, group: uniqueName('g') };
  const file = join(stateDirectory(), 'settings.json');
  writeFileSync(
    file,
    JSON.stringify({ ...settings, params: { ...settings.params, hdfsConsumer } }),
  );
  const args = ['--import', 'tsx', CHILD, file, step, 'SIGKILL', 'until-end'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, log };
}

for (const kind of ['HDFS', 'local'] as const) {
  for (const partitions of [1, 4]) {
    const compression = partitions === 1 ? 'none' : 'gzip';
    test(`Z01 Z02 Z07 T01-T04 R15: killed after each step, ${kind}, ${compression}, on ${partitions} topic partition(s) loses and doubles nothing`, async () => {
      const topic = uniqueName('alerts');
      await world.createTopic(topic, partitions);
      const each = 120;
      await world.send(topic, alerts(each * partitions, partitions));
      const place = newPlace(kind);
      const settings = locationSettings(place, [topic], { compression, batchSize: 20 });
      for (const step of DELIVERY_STEPS) {
        const { signal, log } = await runChild(settings, step);
        assert.equal(signal, 'SIGKILL', `the child was to die after "${step}":\n${log}`);
        // Whatever it left, readers see whole lines, and none twice.
        const lines = linesOf(await readTree(place));
        const names = lines.map((line) => `${line.partition}-${line.offset}`);
        assert.equal(new Set(names).size, lines.length, step);
      }
      const { code, log } = await runChild(settings, 'none');
      assert.equal(code, 0, log);
      mustHoldOnce(linesOf(await readTree(place)), partitions, each);
      await mustBeTidy(place);
    });
  }
}

/** Waits until offsets 0 to before `each` of every partition stand below the base path, once each. */
function holds(place: Place, partitions: number, each: number): Promise<void> {
  const probe = async () => mustHoldOnce(linesOf(await readTree(place)), partitions, each);
  return eventually(probe, 120_000, 300);
}

test('G06 N01: three processes share a base path on HDFS, one is killed: every record stands once', async () => {
  const topic = uniqueName('alerts');
  await world.createTopic(topic, 4);
  const place = newPlace('HDFS');
  const settings = locationSettings(place, [topic], { flushIntervalMs: 200 });
  settings.params.consumer.sessionTimeoutMs = SESSION_MS;
  const started = () => new ConsumerProcess(settings, 'none', SCRIPT);
  const members = [started(), started(), started()];
  await eventually(() => {
    const assigned = members.map((member) => member.assigned.length);
    assert.ok(!assigned.includes(0), assigned.join());
  }, 90_000);
  for (let sent = 0; sent < 240; sent += 40) {
    await world.send(topic, alerts(40, 4, sent));
    if (sent === 80) await members[0]?.kill();
  }
  await holds(place, 4, 60);
  await Promise.all(members.slice(1).map((member) => member.stop()));
});

/** One froze after `step` of its first delivery, another takes over and goes on; then the first wakes. */
async function wakesUp(step: DeliveryStep): Promise<void> {
  const topic = uniqueName('alerts');
  await world.createTopic(topic, 1);
  await world.send(topic, alerts(10, 1));
  const place = newPlace('HDFS');
  const settings = locationSettings(place, [topic], { flushIntervalMs: 200 });
  settings.params.consumer.sessionTimeoutMs = SESSION_MS;
  const frozen = new ConsumerProcess(settings, step, SCRIPT);
  await eventually(() => assert.ok(frozen.isStopped, frozen.told), 90_000);
  const other = new ConsumerProcess(settings, 'none', SCRIPT);
  await eventually(() => assert.equal(other.assigned.length, 1), 90_000);
  await world.send(topic, alerts(40, 1, 10));
  await holds(place, 1, 50);
  frozen.signal('SIGCONT');
  const joins = () => frozen.said('partitions assigned').length;
  await eventually(() => assert.ok(joins() >= 2, `${step}: ${frozen.told}`), 90_000);
  await world.send(topic, alerts(10, 1, 50));
  await holds(place, 1, 60);
  await Promise.all([frozen.stop(), other.stop()]);
  // What the one that woke had staged for nothing is swept by whoever runs to the end next.
  const { code, log } = await runChild(settings, 'none');
  assert.equal(code, 0, log);
  await holds(place, 1, 60);
  await mustBeTidy(place);
}

test('G08 T05: an hdfs-consumer frozen past its session in the midst of a delivery doubles no record', async () => {
  await Promise.all([wakesUp('staged'), wakesUp('committed'), wakesUp('placed')]);
});

test('a second process on a local base path is refused by name, and may have it once the first is gone', async () => {
  const topic = uniqueName('alerts');
  await world.createTopic(topic, 1);
  const place = newPlace('local');
  const settings = locationSettings(place, [topic]);
  const first = new ConsumerProcess(settings, 'none', SCRIPT);
  await eventually(() => assert.equal(first.assigned.length, 1, first.told), 90_000);
  const { code, log } = await runChild(settings, 'none');
  assert.equal(code, 1, log);
  assert.match(log, /POSITION_LOCKED|is held by process \d+/);
  await first.kill();
  await world.send(topic, alerts(20, 1));
  assert.equal((await runChild(settings, 'none')).code, 0);
  await holds(place, 1, 20);
});
