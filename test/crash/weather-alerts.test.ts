// weather-alerts is killed with SIGKILL after each step of a transaction, and at any moment, while weather goes on arriving;
// another process takes over. Afterwards alerts, counts and dead letters are exactly what the input topic says.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AlertsProcess,
  alertSettings,
  allCommitted,
  assertExact,
  raining,
} from '../support/alerts-world.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { World } from '../support/world.ts';

const PARTITIONS = 3;

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Kills one after the other, each with the next one standing by; the last one comes to the end. */
async function killedAfter(plans: readonly (readonly [step: string, nth: number])[]) {
  const settings = alertSettings();
  await world.createTopic(settings.params.topic, PARTITIONS);
  const stopRain = raining(world, settings.params.topic, PARTITIONS);
  for (const [step, nth] of plans) {
    const victim = new AlertsProcess(settings, step, nth);
    if (step === 'any') {
      await eventually(() => assert.ok(victim.said('reads').length > 0, victim.told), 60_000);
      await delay(nth);
      await victim.kill();
    } else await victim.gone;
  }
  const last = new AlertsProcess(settings);
  await eventually(() => assert.ok(last.said('reads').length > 0, last.told), 60_000);
  await stopRain();
  await eventually(() => {
    last.mustRun();
    return allCommitted(settings, world);
  }, 60_000);
  await last.stop();
  await assertExact(settings, world);
}

const kills = Number(process.env['KH_ALERT_KILLS'] ?? 2);
const random = (most: number) => 1 + Math.floor(Math.random() * most);

// Each kill costs a session time-out, so they run side by side.
test('Z07 T01-T04: killed at any moment, weather-alerts loses and doubles no alert and no count', async () => {
  const rounds = Array.from({ length: kills });
  await Promise.all([
    killedAfter(rounds.map(() => ['sent', random(5)])),
    killedAfter(rounds.map(() => ['offsets', random(5)])),
    killedAfter(rounds.map(() => ['committed', random(5)])),
    killedAfter(rounds.map(() => ['any', random(300)])),
  ]);
});
