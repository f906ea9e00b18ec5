// The geo-weather command against a stand-in for Open-Meteo and a real Kafka: each observation of each place once.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { configSchema, type Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { WeatherRecord } from '../../pipeline/weather.ts';
import { runGeoWeather } from '../../producer/geo-weather.ts';
import { OpenMeteoDouble, type OpenMeteoOptions } from '../doubles/open-meteo.ts';
import { CommandProcess } from '../support/command-process.ts';
import { eventually } from '../support/eventually.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { readPartitions } from '../support/topic.ts';

const AT = Date.UTC(2026, 10, 21, 20, 15);
/** Time stands still: there is one observation. */
const STILL = { ...systemClock, now: () => AT };
const doubles: OpenMeteoDouble[] = [];

after(() => Promise.all(doubles.map((double) => double.close())));

async function service(options: OpenMeteoOptions = {}) {
  const double = new OpenMeteoDouble(options);
  doubles.push(double);
  const url = await double.listen();
  return { double, openMeteo: { geocodingUrl: url, forecastUrl: url, requestTimeoutMs: 1000 } };
}

function settingsFor(openMeteo: object, weather: object, producer: object = {}): Settings {
  const { params, config } = testSettings({
    weather: { topic: uniqueName('weather'), ...weather },
    producer,
  });
  const services = configSchema.parse({ openMeteo: { requestsPerMinute: 100_000, ...openMeteo } });
  return { params, config: { ...services, kafka: config.kafka } };
}

const run = (settings: Settings) =>
  runGeoWeather(settings, {
    ...{ log: silentLog, clock: systemClock, signal: new AbortController().signal, out() {} },
  });

async function records({ kafka }: Settings['config'], topic: string) {
  const byPartition = await readPartitions(kafka, topic);
  return [...byPartition].flatMap(([partition, values]) =>
    values.map((value) => ({ partition, ...(JSON.parse(String(value)) as WeatherRecord) })),
  );
}

/** Records that are in the topic; 0 while there is no topic. */
async function count({ config, params }: Settings): Promise<number> {
  const { signal } = new AbortController();
  const admin = await KafkaAdmin.open(config.kafka, silentLog, signal, 10_000);
  try {
    const bounds = await admin.offsets(params.weather.topic, signal);
    return [...bounds.values()].reduce((sum, { highWatermark }) => sum + Number(highWatermark), 0);
  } catch {
    return 0;
  } finally {
    await admin.close();
  }
}

/** By location: each observation once, in order, in one partition. */
function assertOnce(all: Awaited<ReturnType<typeof records>>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const location of new Set(all.map((record) => record.location))) {
    const ours = all.filter((record) => record.location === location);
    const times = ours.map(({ timestamp }) => timestamp);
    assert.deepEqual(times, [...new Set(times)].sort(), location);
    assert.equal(new Set(ours.map(({ partition }) => partition)).size, 1, location);
    counts.set(location, ours.length);
  }
  return counts;
}

suite('geo-weather', () => {
  test('once: a flat record of each place, with wind in m/s and levels', async () => {
    const weather = () => ({ temperature: 35.1, windspeed: 10 });
    const { openMeteo } = await service({ clock: STILL, weather });
    const places = [
      'Paris, France',
      'Paris, USA',
      'New York, États-Unis',
      '東京, 日本',
      'paris, FR',
    ];
    const settings = settingsFor(openMeteo, { places });
    const summary = await run(settings);
    assert.equal(summary?.acknowledged, 4, 'the same place twice is one');
    const all = await records(settings.config, settings.params.weather.topic);
    const counts = assertOnce(all);
    assert.deepEqual([...counts.keys()].sort(), [
      'FR/Paris',
      'JP/Tokyo',
      'US/New-York',
      'US/Paris',
    ]);
    const { partition, ...paris } =
      all.find(({ location }) => location === 'FR/Paris') ?? assert.fail();
    assert.deepEqual(paris, {
      ...{ timestamp: '2026-11-21T20:15:00.000Z', city: 'Paris', country: 'France' },
      ...{ country_code: 'FR', temperature: 35.1, windspeed: 10, weather_code: 1 },
      ...{ wind_alert_level: 'level_1', heat_alert_level: 'level_2', location: 'FR/Paris' },
      ...{ latitude: 48.85341, longitude: 2.3488, timezone: 'Europe/Paris' },
    });
  });

  test('the same observation is not sent again: not by a second run, nor from an older cursor', async () => {
    const { openMeteo } = await service({ clock: STILL });
    const settings = settingsFor(openMeteo, { places: ['Paris, France', 'Lyon, France'] });
    assert.equal((await run(settings))?.acknowledged, 2);
    assert.equal((await run(settings))?.acknowledged, 0);
    // As a kill leaves it between the acknowledgement of Kafka and the save.
    const file = settings.params.producer.cursorFile;
    const saved = readFileSync(file, 'utf8');
    const older = saved.replaceAll('"2026-11-21T20:15:00.000Z"', '"2026-11-21T20:00:00.000Z"');
    assert.notEqual(older, saved);
    writeFileSync(file, older);
    const summary = await run(settings);
    assert.deepEqual([summary?.acknowledged, summary?.repeated], [0, 2]);
    const all = await records(settings.config, settings.params.weather.topic);
    assert.equal(all.length, 2);
  });

  test('40 places at once, with every fault that passes mixed in: each once, few requests at a time', async () => {
    // A 429 costs time; a request that is given up ends later for the service than for us.
    const trouble = { misbehave: 5, spared: ['too-many', 'too-many-retry-after', 'hang'] as const };
    const { double, openMeteo } = await service({ clock: STILL, answerMs: 5, ...trouble });
    const places = Array.from({ length: 40 }, (_, at) => `City ${at + 1}`);
    const settings = settingsFor(openMeteo, { places });
    assert.equal((await run(settings))?.acknowledged, 40);
    assertOnce(await records(settings.config, settings.params.weather.topic));
    assert.ok(double.faults.counts.size >= 3, [...double.faults.counts].join(' '));
    assert.ok(double.atOnceMax <= settings.config.openMeteo.requestsAtOnce, `${double.atOnceMax}`);
  });

  test('the command, killed with SIGKILL and started again, sends each observation once until its count', async () => {
    const { openMeteo } = await service({ intervalSeconds: 1 });
    const settings = settingsFor(openMeteo, {});
    const { topic } = settings.params.weather;
    const directory = stateDirectory();
    writeFileSync(join(directory, 'places.txt'), '# two\nParis, France\nStockholm, Sweden\n');
    const { brokers } = settings.config.kafka;
    writeFileSync(
      join(directory, 'config.json'),
      JSON.stringify({ kafka: { brokers }, openMeteo }),
    );
    const start = (...args: string[]) =>
      new CommandProcess('geo-weather', {
        directory,
        args: ['--places', 'places.txt', '--topic', topic, '--interval', '0.5', ...args].concat(
          '--config',
          'config.json',
        ),
      });
    const first = start('--continuous');
    await eventually(async () => assert.ok((await count(settings)) >= 6, first.told));
    first.signal('SIGKILL');
    await first.ended();
    const sent = await count(settings);
    const last = start('--count', '4');
    assert.equal(await last.ended(), 0, last.told);
    const all = await records(settings.config, topic);
    assert.equal(all.length, sent + 4);
    assert.deepEqual([...assertOnce(all).keys()].sort(), ['FR/Paris', 'SE/Stockholm']);
  });
});
