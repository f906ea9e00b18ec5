// weather-alerts on a real broker: a member that joins, leaves, is frozen and wakes; topics that fall silent; late events;
// several topics; gaps. What a reader of committed records finds is compared with the input topic.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runWeatherAlerts } from '../../consumer/weather-alerts.ts';
import type { Settings } from '../../params/schema.ts';
import { isCode } from '../../pipeline/errors.ts';
import {
  AlertsProcess,
  alertSettings,
  allCommitted,
  assertExact,
  later,
  mixedWeather,
  readCommitted,
  weather,
} from '../support/alerts-world.ts';
import { eventually } from '../support/eventually.ts';
import { testSettings } from '../support/settings.ts';
import { start, World } from '../support/world.ts';

const MINUTE = 60_000;
const START = Date.now() - 40 * MINUTE;

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

const running = (settings: Settings) => start((deps) => runWeatherAlerts(settings, deps));
const json = async (settings: Settings, topic: string) =>
  (await readCommitted(settings, world, topic)).map(({ value }) => JSON.parse(`${value}`));

test('G08 G03: a frozen process wakes after another took over: its transaction is refused; joins and leaves lose nothing', async () => {
  const settings = alertSettings();
  const { topic } = settings.params;
  await world.createTopic(topic, 3);
  const send = (first: number) =>
    world.send(topic, mixedWeather({ count: 60, partitions: 3, first }, START));
  await send(0);
  const frozen = new AlertsProcess(settings, 'offsets', 1, 'SIGSTOP');
  await eventually(() => assert.ok(frozen.isStopped, frozen.told));
  // The frozen one holds an open transaction; who takes over ends it.
  const second = new AlertsProcess(settings);
  await eventually(() => allCommitted(settings, world));
  await send(60);
  frozen.signal('SIGCONT');
  await eventually(() => {
    for (const one of [frozen, second]) one.mustRun();
    return allCommitted(settings, world);
  });
  // Both are members now, and one has everything.
  await send(120);
  await eventually(() => allCommitted(settings, world));
  await second.stop();
  await send(180);
  await world.send(topic, [0, 1, 2].map(later));
  await eventually(() => {
    frozen.mustRun();
    return allCommitted(settings, world);
  });
  await frozen.stop();
  await assertExact(settings, world);
});

test('a topic partition that falls silent, or never brought anything, holds windows back no longer than alerts.idleMs', async () => {
  const settings = alertSettings({ idleMs: 1000, graceMs: 0 });
  const { topic, alerts } = settings.params;
  await world.createTopic(topic, 3);
  const command = running(settings);
  await world.send(topic, [weather({ time: START, partition: 1, temperature: 30 })]);
  await eventually(async () => {
    const counts = await json(settings, alerts.countTopic);
    assert.equal(counts.length, 5);
  }, 30_000);
  // What comes then is late: an alert, but no count.
  await world.send(topic, [weather({ time: START, partition: 2, temperature: 40, windspeed: 30 })]);
  await eventually(() => allCommitted(settings, world));
  const { late, alerts: sent, counts } = await command.stop();
  assert.deepEqual({ late, sent, counts }, { late: 1, sent: 2, counts: 5 });
});

test('windows that were open at a stop are counted whole after it; a second start sends nothing again', async () => {
  const settings = alertSettings();
  const { topic } = settings.params;
  await world.createTopic(topic, 2);
  const mild = weather({ time: START, partition: 1, temperature: 10 });
  for (const more of [
    mixedWeather({ count: 400, partitions: 2 }, START),
    mixedWeather({ count: 400, partitions: 2, first: 400 }, START),
    [0, 1].map(later),
    [mild],
  ]) {
    await world.send(topic, more);
    const command = running(settings);
    await eventually(() => allCommitted(settings, world));
    await command.stop();
  }
  await assertExact(settings, world);
});

test('O03: records that are gone before they were read stop it with their range, and are passed over when told so', async () => {
  const settings = alertSettings();
  const { topic, alerts } = settings.params;
  await world.createTopic(topic, 1);
  const hot = (minute: number) =>
    weather({ time: START + minute * MINUTE, partition: 0, temperature: 30 });
  await world.send(topic, [hot(0), hot(1)]);
  const first = running(settings);
  await eventually(() => allCommitted(settings, world));
  await first.stop();
  await world.send(topic, [hot(2), hot(3), hot(4)]);
  await world.deleteRecords(topic, 0, 4n);
  await assert.rejects(running(settings).done, (error) => {
    assert.ok(isCode(error, 'POSITION_GAP'), String(error));
    assert.match(error.message, /-0 \[0, 4\)/);
    return true;
  });
  const told = { ...settings.params.consumer, onGap: 'earliest' as const };
  const second = running({ ...settings, params: { ...settings.params, consumer: told } });
  await eventually(() => allCommitted(settings, world));
  await second.stop();
  assert.equal((await json(settings, alerts.alertTopic)).length, 3);
});

test('several topics are counted together; one that is missing is named', async () => {
  const settings = alertSettings();
  const { topic, alerts } = settings.params;
  const both = { ...alerts, topics: [topic, `${topic}_b`] };
  const twoTopics = { ...settings, params: { ...settings.params, alerts: both } };
  await world.createTopic(topic, 1);
  await assert.rejects(running(twoTopics).done, (error) => {
    assert.ok(isCode(error, 'KAFKA_REJECTED'), String(error));
    assert.ok(error.message.includes(`${topic}_b`));
    return true;
  });
  await world.createTopic(`${topic}_b`, 1);
  for (const name of both.topics) {
    await world.send(name, [weather({ time: START, partition: 0, temperature: 30 }), later(0)]);
  }
  const command = running(twoTopics);
  await eventually(async () => {
    const counts = await json(settings, alerts.countTopic);
    assert.deepEqual(
      counts.map(({ alert_count }) => alert_count),
      [2, 2, 2, 2, 2],
    );
  });
  await command.stop();
});
