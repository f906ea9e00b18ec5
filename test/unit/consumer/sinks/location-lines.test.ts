// The line of a weather record: flat ones stay as they were written, others become flat and lose nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocationBlock } from '../../../../consumer/sinks/location-block.ts';
import { LocationLines } from '../../../../consumer/sinks/location-lines.ts';
import { Fault } from '../../../../pipeline/codec.ts';

const of = { topic: 'alerts', partition: 3 };
const AT = '"kafka_topic":"alerts","kafka_partition":3,"kafka_offset":7}\n';

const recordOf = (value: string | null) => ({
  ...{ offset: 7n, timestamp: 0, key: null, headers: undefined },
  value: value === null ? null : Buffer.from(value),
});

function lineOf(value: string | null, tombstones: 'skip' | 'write' | 'dead-letter' = 'skip') {
  return written(new LocationLines(tombstones), value);
}

function written(lines: LocationLines, value: string | null) {
  const located = lines.of(recordOf(value));
  if (located === undefined || located instanceof Fault) return located;
  const block = new LocationBlock(of);
  block.add(located.object, 7n);
  return { location: located.location, line: Buffer.concat(block.pieces).toString() };
}

const FLAT =
  '{"timestamp":"2026-11-22T05:00:00.000Z","city":"Paris","country":"France","country_code":"FR",' +
  '"temperature":36.50,"windspeed":12,"weather_code":3,"wind_alert_level":"level_1",' +
  '"heat_alert_level":"level_2","location":"FR/Paris","sensor":12345678901234567890}';

test('a flat record stays as it was written, digits and unknown fields included, with its place in Kafka behind', () => {
  assert.deepEqual(lineOf(FLAT), {
    location: 'FR/Paris',
    line: `${FLAT.slice(0, -1)},${AT}`,
  });
});

test('a record over several lines becomes one line', () => {
  const located = lineOf(JSON.stringify(JSON.parse(FLAT), null, 2));
  assert.ok(located && !(located instanceof Fault));
  assert.equal(located.line.indexOf('\n'), located.line.length - 1);
  assert.equal(JSON.parse(located.line).city, 'Paris');
});

test('numbers as text and missing levels are written as the flat record has them; other fields are kept', () => {
  const located = lineOf('{"city":"Paris","country":"France","temperature":"36.5","mood":"fine"}');
  assert.ok(located && !(located instanceof Fault));
  const row = JSON.parse(located.line);
  assert.deepEqual(
    [row.temperature, row.heat_alert_level, row.mood, row.location, row.kafka_offset],
    [36.5, 'level_2', 'fine', 'FR/Paris', 7],
  );
});

test('a nested record is kept whole beside its flat fields', () => {
  const nested = {
    location: { geography: { name: 'Paris', country: 'France', admin1: 'Île-de-France' } },
    current_weather: { temperature: 30, wind_speed: 36, humidity: 40 },
  };
  const located = lineOf(JSON.stringify(nested));
  assert.ok(located && !(located instanceof Fault));
  const row = JSON.parse(located.line);
  assert.equal(row.location, 'FR/Paris');
  assert.deepEqual(row.record, nested);
});

test('what a record says of its place in Kafka does not count', () => {
  const lying = `${FLAT.slice(0, -1)},"kafka_offset":99}`;
  const located = lineOf(lying);
  assert.ok(located && !(located instanceof Fault));
  assert.equal(located.line.split('kafka_offset').length, 2);
  assert.equal(JSON.parse(located.line).kafka_offset, 7);
});

test('B01: a record without value is skipped or set aside, never a row that lies nowhere', () => {
  assert.equal(lineOf(null), undefined);
  for (const policy of ['write', 'dead-letter'] as const) {
    const fault = lineOf(null, policy);
    assert.ok(fault instanceof Fault);
    assert.equal(fault.code, 'CODEC_TOMBSTONE');
  }
});

test('B05: what is no weather record is set aside with a reason', () => {
  for (const value of ['', 'not JSON', '[]', '{"city":"Paris","temperature":1e400}', '\xff{']) {
    assert.ok(lineOf(value) instanceof Fault, value);
  }
});

test('records of a place that is known become what they become as the first ones of their place', () => {
  const lines = new LocationLines('skip');
  const flat = { ...JSON.parse(FLAT), timezone: 'Europe/Paris', latitude: 48.8, longitude: null };
  delete flat.sensor;
  written(lines, JSON.stringify(flat));
  const others: Record<string, unknown[]> = {
    timestamp: [
      '2026-02-31T00:00:00.000Z',
      '2026-11-22 05:00',
      1.7e9,
      null,
      '',
      '2026-11-22T05:00:00Z',
    ],
    ...{
      city: [' Paris', 'Lyon', null, 5],
      country: ['DE', null],
      country_code: ['fr', 'DE', null],
    },
    ...{ temperature: [10, '36.5', null, 'hot', true], windspeed: [0, 25, null, '12'] },
    ...{
      weather_code: ['3', null, 'x'],
      wind_alert_level: ['level_0', 1, null],
      location: ['FR/Lyon', null],
    },
    ...{
      timezone: [' UTC', '', 5, null],
      latitude: ['48', null, {}],
      longitude: [2.3],
      mood: ['fine'],
    },
    ...{
      current_weather: [{ temperature: 3 }, 1],
      kafka_offset: [1],
      heat_alert_level: ['unknown'],
    },
  };
  for (const [name, values] of Object.entries(others)) {
    for (const value of values) {
      const text = JSON.stringify({ ...flat, [name]: value });
      assert.deepEqual(written(lines, text), lineOf(text), text);
    }
  }
  const text = JSON.stringify(flat);
  const huge = text.replace('36.5', '1e400');
  assert.ok(written(lines, huge) instanceof Fault);
  for (const name of ['"temperature"', '"temperature" ', '"temperature"\t', '"Temperature"']) {
    const twice = `{${name}:1,${text.slice(1)}`;
    const located = written(lines, twice);
    assert.deepEqual(located, lineOf(twice), twice);
    assert.ok(located && !(located instanceof Fault));
    const line = JSON.parse(located.line);
    const other = Object.keys(line).filter((key) => key.toLowerCase() === 'temperature');
    assert.deepEqual(other, ['temperature']);
    assert.equal(located.line, JSON.stringify(line).concat('\n'));
  }
});

test('lines of a block follow each other as they were added, whatever bytes they hold and how far the offsets are', () => {
  const block = new LocationBlock(of);
  const values = ['{"a":"é日"}', '{"b":1}'];
  values.forEach((value, index) => {
    block.add(Buffer.from(value), 10n ** BigInt(index * 17));
  });
  assert.equal(block.rows, 2);
  const where = '"kafka_topic":"alerts","kafka_partition":3,"kafka_offset":';
  assert.equal(
    Buffer.concat(block.pieces).toString(),
    `{"a":"é日",${where}1}\n{"b":1,${where}100000000000000000}\n`,
  );
});
