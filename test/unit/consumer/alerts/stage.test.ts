// What is sent between two transactions: whatever the order within the grace, however the inputs interleave, and wherever it
// was killed, every alert and every window comes out once, and the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseNote } from '../../../../consumer/alerts/position-note.ts';
import { AlertStage, type Outcome } from '../../../../consumer/alerts/stage.ts';
import type { OutgoingRecord, PipelineRecord } from '../../../../pipeline/record.ts';

const MINUTE = 60_000;
const GRACE = 3 * MINUTE;
const noon = Date.parse('2026-11-21T12:00:00Z');
const options = {
  ...{ graceMs: GRACE, alertTopic: 'alert_stream', alertBytesMax: 1000 },
  countryCodeOf: (name: string) => (/^[A-Z]{2}$/.test(name) ? name : undefined),
};
const of = (partition: number) => ({ topic: 'weather', partition });

function weather(offset: number, time: number, more: object = {}): PipelineRecord {
  const value = {
    ...{ timestamp: new Date(time).toISOString(), city: 'Paris', country_code: 'FR' },
    ...{ temperature: 30, windspeed: 3, ...more },
  };
  return record(offset, JSON.stringify(value));
}

function record(offset: number, value: string | null, timestamp = noon + 60 * MINUTE) {
  const bytes = value === null ? null : Buffer.from(value);
  return { offset: BigInt(offset), timestamp, key: null, value: bytes, headers: undefined };
}

const FRESH = { watermark: Number.NEGATIVE_INFINITY, closed: Number.NEGATIVE_INFINITY, oldest: 0n };

function freshStage(partitions = 1): AlertStage {
  const stage = new AlertStage(options);
  for (let p = 0; p < partitions; p += 1) stage.restore(of(p), 0n, FRESH);
  return stage;
}

/** As the next owner begins after `committed`, or afresh. */
function restoredStage(partitions: number, committed: Outcome['offsets'] | undefined): AlertStage {
  if (committed === undefined) return freshStage(partitions);
  const stage = new AlertStage(options);
  for (const { topic, partition, offset, metadata } of committed) {
    stage.restore({ topic, partition }, offset, parseNote(metadata, of(partition), offset));
  }
  return stage;
}

const texts = (records: readonly OutgoingRecord[] = []) => records.map(({ value }) => `${value}`);
const json = (records: readonly OutgoingRecord[] = []) =>
  texts(records).map((text) => JSON.parse(text));
/** A window is sent once, so the same ones were sent when the sorted texts are equal. */
const sorted = (records: readonly OutgoingRecord[]) => texts(records).sort();

/** The log of a topic partition whose events come at most GRACE later than a newer one. */
const inputLog = fc
  .array(
    fc.record({
      time: fc.integer({ min: noon, max: noon + 20 * MINUTE }),
      late: fc.integer({ min: 0, max: GRACE - 1 }),
      temperature: fc.constantFrom(20, 30, 40),
      country_code: fc.constantFrom('FR', 'DE'),
    }),
    { maxLength: 25 },
  )
  .map((events) =>
    events
      .toSorted((a, b) => a.time + a.late - (b.time + b.late))
      .map(({ time, late: _late, ...more }, offset) => weather(offset, time, more)),
  );
const logs = fc.array(inputLog, { minLength: 1, maxLength: 3 });
/** Which input is read next, and how much of it; and what happens after. */
const steps = fc.array(
  fc.record({
    input: fc.nat(2),
    count: fc.integer({ min: 1, max: 6 }),
    after: fc.constantFrom('nothing', 'commit', 'commit', 'die', 'die after the commit'),
  }),
  { maxLength: 60 },
);

interface Sent {
  readonly alerts: OutgoingRecord[];
  readonly counts: OutgoingRecord[];
}

/** Reads all of `inputs` by `schedule`, then to the end, and lets an hour pass. */
function play(
  inputs: readonly PipelineRecord[][],
  schedule: readonly { input: number; count: number; after: string }[],
) {
  const sent: Sent = { alerts: [], counts: [] };
  let committed: Outcome['offsets'] | undefined;
  let stage = freshStage(inputs.length);
  const commit = () => {
    const outcome = stage.outcome();
    if (!outcome) return;
    sent.alerts.push(...outcome.alerts);
    sent.counts.push(...outcome.counts);
    committed = outcome.offsets;
  };
  const read = (partition: number, count: number) => {
    const from = Number(stage.next(of(partition)) ?? 0n);
    const records = inputs[partition]?.slice(from, from + count) ?? [];
    stage.take(of(partition), records, BigInt(from + records.length));
  };
  for (const { input, count, after } of schedule) {
    read(input % inputs.length, count);
    if (after.includes('commit')) commit();
    if (after.includes('die')) stage = restoredStage(inputs.length, committed);
  }
  for (const partition of inputs.keys()) read(partition, 1000);
  for (const partition of inputs.keys()) stage.passTime(of(partition), noon + 60 * MINUTE);
  commit();
  return sent;
}

test('deaths, restarts and the interleaving of the inputs change nothing of what is sent', () =>
  fc.assert(
    fc.property(logs, steps, (inputs, schedule) => {
      const sent = play(inputs, schedule);
      const plain = play(inputs, []);
      assert.deepEqual(sorted(sent.counts), sorted(plain.counts));
      assert.deepEqual(
        sent.alerts.map(({ headers }) => JSON.stringify(headers)).sort(),
        plain.alerts.map(({ headers }) => JSON.stringify(headers)).sort(),
      );
      const hot = inputs.flat().filter(({ value }) => !`${value}`.includes(':20,')).length;
      assert.equal(sent.alerts.length, hot);
      assert.equal(
        json(sent.counts).reduce((sum, one) => sum + one.alert_count, 0),
        hot * 5,
      );
    }),
    { numRuns: 300 },
  ));

test('any order within the grace gives the same counts', () =>
  fc.assert(
    fc.property(logs, ([log = []]) => {
      const inOrder = log
        .toSorted((a, b) => (`${a.value}` < `${b.value}` ? -1 : 1))
        .map((one, offset) => ({ ...one, offset: BigInt(offset) }));
      assert.deepEqual(sorted(play([log], []).counts), sorted(play([inOrder], []).counts));
    }),
  ));

test('a window is sent when the newest event lies a grace behind its end, and not before', () => {
  const stage = freshStage();
  stage.take(of(0), [weather(0, noon), weather(1, noon + MINUTE + GRACE - 1)], 2n);
  assert.deepEqual(stage.outcome()?.counts, []);
  const [passed, older] = [noon + MINUTE + GRACE, noon + MINUTE];
  const mild = { temperature: 10 };
  stage.take(of(0), [weather(2, passed, mild), weather(3, older, mild)], 4n);
  assert.deepEqual(json(stage.outcome()?.counts), [
    {
      window_start: '2026-11-21T11:56:00.000Z',
      window_end: '2026-11-21T12:01:00.000Z',
      ...{ country_code: 'FR', alert_level: 'level_1' },
      ...{ alert_count: 1, wind_alert_count: 0, heat_alert_count: 1 },
    },
  ]);
  assert.equal(stage.outcome(), undefined);
});

test('an event that comes later than the grace is an alert, is counted in the windows still open, and is told', () => {
  const stage = freshStage();
  stage.take(of(0), [weather(0, noon + MINUTE + GRACE, { temperature: 10 })], 1n);
  stage.outcome();
  stage.take(of(0), [weather(1, noon)], 2n);
  const outcome = stage.outcome();
  assert.equal(outcome?.alerts.length, 1);
  assert.equal(outcome?.late, 1);
  stage.passTime(of(0), noon + 60 * MINUTE);
  assert.equal(stage.outcome()?.counts.length, 4);
});

test('the slowest input holds the windows back until time passes there without events', () => {
  const stage = freshStage(2);
  stage.take(of(0), [weather(0, noon), weather(1, noon + 30 * MINUTE)], 2n);
  assert.deepEqual(stage.outcome()?.counts, []);
  assert.equal(stage.hasOpenWindows, true);
  stage.passTime(of(1), noon + 2 * MINUTE);
  assert.equal(stage.outcome()?.counts.length, 2);
  stage.passTime(of(1), noon + MINUTE);
  assert.equal(stage.outcome(), undefined);
});

test('an alert has the fields of the exercise, the location as key, and tells where it comes from', () => {
  const stage = freshStage();
  const place = { city: 'Aix-en-Provence', temperature: 36, windspeed: 12, weather_code: 3 };
  stage.take(of(0), [weather(0, noon, place)], 1n);
  const [alert] = stage.outcome()?.alerts ?? [];
  assert.equal(`${alert?.key}`, 'FR/Aix-en-Provence');
  assert.equal(alert?.timestamp, noon + 60 * MINUTE);
  assert.deepEqual(JSON.parse(`${alert?.value}`), {
    timestamp: '2026-11-21T12:00:00.000Z',
    ...{ city: 'Aix-en-Provence', country: null, country_code: 'FR' },
    ...{ temperature: 36, windspeed: 12, weather_code: 3 },
    ...{ wind_alert_level: 'level_1', heat_alert_level: 'level_2' },
    ...{ location: 'FR/Aix-en-Provence', latitude: null, longitude: null, timezone: null },
  });
  assert.deepEqual(alert?.headers, {
    'kafka_hive.topic': 'weather',
    'kafka_hive.partition': '0',
    'kafka_hive.offset': '0',
  });
});

test('B01 B02: what is no weather, of a time to come, or too large as an alert is a dead letter with its reason', () => {
  const stage = freshStage();
  const bad = [
    record(0, null),
    record(1, 'no json'),
    record(2, '{"temperature": "hot"}'),
    weather(3, noon + 121 * MINUTE),
    weather(4, noon, { city: 'x'.repeat(2000) }),
  ];
  stage.take(of(0), bad, 5n);
  const outcome = stage.outcome();
  assert.deepEqual(outcome?.alerts, []);
  const letters = outcome?.deadLetters.get('weather') ?? [];
  assert.deepEqual(
    letters.map(({ headers }) => headers?.['kafka_hive.code']),
    ['CODEC_TOMBSTONE', 'CODEC_NOT_JSON', 'CODEC_COLUMN', 'CODEC_COLUMN', 'CODEC_COLUMN'],
  );
  assert.equal(outcome?.offsets[0]?.offset, 5n);
});

test('a record without a time happened when Kafka says', () => {
  const stage = freshStage();
  stage.take(of(0), [weather(0, noon, { timestamp: null })], 1n);
  const [alert] = json(stage.outcome()?.alerts);
  assert.equal(alert.timestamp, '2026-11-21T13:00:00.000Z');
});
