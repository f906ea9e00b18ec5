// The levels of the exercise at their edges, and the record as it is sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { heatLevel, type Weather, weatherRecord, windLevel } from '../../../pipeline/weather.ts';

const PARIS: Weather = {
  location: { country: 'FR', city: 'Paris' },
  ...{ city: 'Paris', country: 'France', observedAt: Date.UTC(2026, 10, 21, 20, 15) },
  ...{ temperature: 36.1, windspeed: 12.4, weatherCode: 3, windLevel: 1, heatLevel: 2 },
  ...{ latitude: 48.85341, longitude: 2.3488, timezone: 'Europe/Paris' },
};

test('wind below 10 m/s is level 0, from 10 to 20 level 1, above 20 level 2', () => {
  assert.deepEqual([0, 9.99, 10, 20, 20.01, 200].map(windLevel), [0, 0, 1, 1, 2, 2]);
});

test('heat below 25 degrees is level 0, from 25 to 35 level 1, above 35 level 2', () => {
  assert.deepEqual([-40, 24.9, 25, 35, 35.1, 60].map(heatLevel), [0, 0, 1, 1, 2, 2]);
});

test('more wind or more heat never lowers the level', () => {
  const number = fc.double({ noNaN: true });
  fc.assert(
    fc.property(number, number, (a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      return windLevel(less) <= windLevel(more) && heatLevel(less) <= heatLevel(more);
    }),
  );
});

test('a record has the fields of the exercise, flat and in their order', () => {
  assert.deepEqual(Object.entries(weatherRecord(PARIS)), [
    ['timestamp', '2026-11-21T20:15:00.000Z'],
    ['city', 'Paris'],
    ['country', 'France'],
    ['country_code', 'FR'],
    ['temperature', 36.1],
    ['windspeed', 12.4],
    ['weather_code', 3],
    ['wind_alert_level', 'level_1'],
    ['heat_alert_level', 'level_2'],
    ['location', 'FR/Paris'],
    ['latitude', 48.85341],
    ['longitude', 2.3488],
    ['timezone', 'Europe/Paris'],
  ]);
});

test('what is not known is null in the record, never missing', () => {
  const nothing = Object.fromEntries(Object.keys(PARIS).map((key) => [key, undefined]));
  const record = weatherRecord({ ...PARIS, ...nothing, location: PARIS.location });
  const { country_code, location, ...others } = record;
  assert.deepEqual([country_code, location], ['FR', 'FR/Paris']);
  assert.deepEqual(Object.values(others), Array(11).fill(null));
});
