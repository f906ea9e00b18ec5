// consumer-from-position is killed with SIGKILL after every named step of a delivery and started again: afterwards the
// table holds every record of the topic exactly once, with both sinks, on one and on four partitions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Settings } from '../../params/schema.ts';
import { DELIVERY_STEPS, type DeliveryStep } from '../support/delivery-steps.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { posts, World } from '../support/world.ts';

const CHILD = join(import.meta.dirname, '../support/killed-consumer.ts');

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Runs the child until it dies or ends; returns the signal that killed it and what it logged. */
async function runChild(settings: Settings, step: DeliveryStep | 'none') {
  // A group of its own each time: the dead member's session need not be waited for. Positions and ledger stay.
  const consumer = { ...settings.params.consumer, group: uniqueName('g') };
  const file = join(stateDirectory(), 'settings.json');
  writeFileSync(file, JSON.stringify({ ...settings, params: { ...settings.params, consumer } }));
  const args = ['--import', 'tsx', CHILD, file, step];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, log };
}

/** What readers see; nothing while the first child has died before the table stood. */
async function offsetsOrNone(table: string) {
  const tables = await world.hive.query(`SHOW TABLES LIKE '${table}'`, world.signal);
  return tables.length === 0 ? [] : world.offsets(table);
}

for (const sink of ['hive-load', 'hive-insert'] as const) {
  for (const partitions of [1, 4]) {
    test(`Z01 Z02 Z07 T01-T04 R15: killed after each step, ${sink} on ${partitions} topic partition(s) loses and doubles nothing`, async () => {
      const settings = testSettings({
        consumer: { sink },
        batch: { size: sink === 'hive-insert' && partitions > 1 ? 40 : 20 },
      });
      const { topic, table } = settings.params;
      await world.createTopic(topic, partitions);
      const count = 40 * partitions * 2;
      await world.send(topic, posts(count, partitions));
      for (const step of DELIVERY_STEPS) {
        const { signal, log } = await runChild(settings, step);
        assert.equal(signal, 'SIGKILL', `the child was to die after "${step}":\n${log}`);
        // Whatever it left, readers see whole files, and no row twice.
        for (const { rows, distinct } of await offsetsOrNone(table.name))
          assert.equal(rows, distinct);
      }
      const { code, log } = await runChild(settings, 'none');
      assert.equal(code, 0, log);
      const each = count / partitions;
      assert.deepEqual(
        await world.offsets(table.name),
        Array.from({ length: partitions }, (_, partition) => ({
          partition,
          rows: each,
          distinct: each,
          first: 0,
          last: each - 1,
        })),
      );
    });
  }
}
