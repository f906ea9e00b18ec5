// Weather for weather-alerts, and what it must make of it: counted here again from the input topic, by looking at every alert
// for every window.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { GroupConsumer } from '../../clients/kafka/consumer.ts';
import { readRanges } from '../../clients/kafka/read-ranges.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { OutgoingRecord, PipelineRecord } from '../../pipeline/record.ts';
import { withRetry } from '../../pipeline/retry.ts';
import { ConsumerProcess } from './consumer-process.ts';
import { testSettings } from './settings.ts';
import { uniqueName } from './stack.ts';
import type { World } from './world.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const SEND_RETRY = { delayMs: 100, delayMsMax: 1000, deadlineMs: 120_000 };

type AlertParams = Partial<Settings['params']['alerts']>;

/** Settings for topics and a group nobody else uses; nothing becomes idle unless the test says so. */
export function alertSettings(alerts: AlertParams = {}, sessionTimeoutMs = 6000): Settings {
  const topic = uniqueName('w');
  return testSettings({
    topic,
    consumer: { sessionTimeoutMs },
    alerts: {
      ...{ topics: [topic], alertTopic: `${topic}_alerts`, countTopic: `${topic}_counts` },
      ...{ group: topic, graceMs: 2 * MINUTE, idleMs: DAY, commitMs: 20, ...alerts },
    },
  });
}

/** A weather-alerts process, which may send itself a signal the `nth` time a step of a transaction has passed. */
export class AlertsProcess extends ConsumerProcess {
  constructor(settings: Settings, step = 'none', nth = 1, signal: NodeJS.Signals = 'SIGKILL') {
    super(settings, `${step}:${nth}:${signal}`, 'killed-alerts.ts');
  }
}

export interface Sky {
  readonly time: number;
  readonly partition: number;
  readonly temperature: number;
  readonly windspeed?: number;
  readonly country?: string;
  readonly city?: string;
}

export function weather({ time, partition, ...sky }: Sky): OutgoingRecord {
  const { temperature, windspeed = 3, country = 'FR', city = 'Paris' } = sky;
  const place = { city, country_code: country, location: `${country}/${city}` };
  const value = { timestamp: new Date(time).toISOString(), ...place, temperature, windspeed };
  return { partition, key: Buffer.from(place.location), value: Buffer.from(JSON.stringify(value)) };
}

/** A record without alert, of a time that closes every window of the last hour. */
export function later(partition: number): OutgoingRecord {
  return weather({ time: Date.now() + 30 * MINUTE, partition, temperature: 10 });
}

/**
 * `count` records over `partitions` from the `first` on: event times of half an hour ago that jump within a grace of two
 * minutes, all levels, and here and there one that is no weather.
 */
export function mixedWeather(
  { count, partitions, first = 0 }: { count: number; partitions: number; first?: number },
  start: number,
): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const partition = number % partitions;
    if (number % 37 === 5)
      return { partition, key: null, value: Buffer.from(`no weather ${number}`) };
    return weather({
      ...{ partition, temperature: 15 + ((number * 7) % 30), windspeed: (number * 11) % 30 },
      time: start + number * 250 - ((number * 7919) % (2 * MINUTE - 1000)),
      country: ['FR', 'DE', 'JP'][number % 3] ?? 'FR',
      city: `City${number % 11}`,
    });
  });
}

/** Sends weather, some 400 records a second, until it is told to stop; then what closes all windows. */
export function raining(world: World, topic: string, partitions: number): () => Promise<void> {
  const stopped = new AbortController();
  const begin = Date.now() - 40 * MINUTE;
  // What is sent again after a lost answer stands in the topic twice, and is expected twice.
  const send = (records: OutgoingRecord[]) =>
    withRetry(() => world.send(topic, records), SEND_RETRY, systemClock, world.signal);
  const run = async () => {
    for (let first = 0; !stopped.signal.aborted; first += 30) {
      // Its time passes 60 ms a record: for two minutes and more it stays within what `later` closes.
      await send(mixedWeather({ count: 30, partitions, first }, begin - first * 190));
      await delay(60);
    }
    await send(Array.from({ length: partitions }, (_, partition) => later(partition)));
  };
  const done = run();
  done.catch(() => undefined);
  return () => {
    stopped.abort();
    return done;
  };
}

/** Every committed record of a topic, in order within each partition. */
export async function readCommitted(
  { config }: Settings,
  world: World,
  topic: string,
): Promise<(PipelineRecord & { readonly partition: number })[]> {
  const bounds = await world.admin.offsets(topic, world.signal);
  const ranges = [...bounds].map(([partition, { logStart: start, highWatermark: end }]) => {
    return { topic, partition, start, end };
  });
  const open = (name: string, group: string) =>
    GroupConsumer.create(
      config.kafka,
      { topics: [name], group, sessionTimeoutMs: 10_000, retryMs: 30_000 },
      silentLog,
    );
  const found: (PipelineRecord & { readonly partition: number })[] = [];
  await readRanges(
    open,
    ranges,
    (partition, one) => found.push({ ...one, partition }),
    world.signal,
  );
  return found;
}

interface Expected {
  /** `partition:offset` of each input record with level 1 or 2. */
  readonly alerts: string[];
  readonly deadLetters: string[];
  /** Count of each window, by its end, country and level. */
  readonly counts: Map<string, number>;
}

function expectedOf(input: readonly (PipelineRecord & { partition: number })[]): Expected {
  const expected: Expected = { alerts: [], deadLetters: [], counts: new Map() };
  for (const { partition, offset, value } of input) {
    const name = `${partition}:${offset}`;
    const text = `${value}`;
    if (!text.startsWith('{')) {
      expected.deadLetters.push(name);
      continue;
    }
    const { timestamp, country_code, temperature, windspeed } = JSON.parse(text);
    const level =
      temperature > 35 || windspeed > 20 ? 2 : temperature >= 25 || windspeed >= 10 ? 1 : 0;
    if (level === 0) continue;
    expected.alerts.push(name);
    const minute = Math.floor(Date.parse(timestamp) / MINUTE);
    for (let end = minute + 1; end <= minute + 5; end += 1) {
      const key = `${new Date(end * MINUTE).toISOString()} ${country_code} level_${level}`;
      expected.counts.set(key, (expected.counts.get(key) ?? 0) + 1);
    }
  }
  return expected;
}

const sourceOf = ({ headers }: PipelineRecord) =>
  `${headers?.['kafka_hive.partition']?.[0]}:${headers?.['kafka_hive.offset']?.[0]}`;

/** What a reader of committed records finds is exactly what the input topic says, no more, no less, and in order. */
export async function assertExact(settings: Settings, world: World): Promise<void> {
  const { topic, alerts } = settings.params;
  const expected = expectedOf(await readCommitted(settings, world, topic));
  const sent = await readCommitted(settings, world, alerts.alertTopic);
  const letters = await readCommitted(settings, world, `${topic}.dead-letters`);
  const counts = await readCommitted(settings, world, alerts.countTopic);
  assert.deepEqual(sent.map(sourceOf).sort(), expected.alerts.sort(), 'alerts');
  assert.deepEqual(letters.map(sourceOf).sort(), expected.deadLetters.sort(), 'dead letters');
  const found = counts.map(({ value }) => {
    const { window_end, country_code, alert_level, alert_count } = JSON.parse(`${value}`);
    return [`${window_end} ${country_code} ${alert_level}`, alert_count] as const;
  });
  assert.equal(new Set(found.map(([key]) => key)).size, found.length, 'a window was sent twice');
  assert.deepEqual(new Map(found.toSorted()), new Map([...expected.counts].toSorted()), 'counts');
  assertOrder(sent);
}

/** The alerts of one place stand in the order of its records. */
function assertOrder(sent: readonly (PipelineRecord & { partition: number })[]): void {
  const last = new Map<string, { partition: number; offset: bigint }>();
  for (const one of sent) {
    const [from = '', offset = '0'] = sourceOf(one).split(':');
    const lane = `${one.key} from ${from}`;
    const before = last.get(lane);
    assert.ok(before === undefined || before.offset < BigInt(offset), `${lane} at ${offset}`);
    assert.equal(one.partition, before?.partition ?? one.partition, `${lane} has moved`);
    last.set(lane, { partition: one.partition, offset: BigInt(offset) });
  }
}

/** Resolves when the group has committed everything that is in the input topic now. */
export async function allCommitted({ params }: Settings, world: World): Promise<void> {
  const { topic, alerts } = params;
  const ends = await world.admin.offsets(topic, world.signal);
  const committed = await world.admin.groupOffsets(alerts.group, topic, world.signal);
  const lag = [...ends].map(
    ([partition, { highWatermark }]) => highWatermark - (committed.get(partition)?.offset ?? 0n),
  );
  assert.deepEqual(
    lag.filter((left) => left !== 0n),
    [],
    'not read yet',
  );
}
