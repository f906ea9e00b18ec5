// Records of the weather in every shape they are met in, and what cannot be one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { countryCodeOf } from '../../../clients/countries/country-code.ts';
import { decodeValue, Fault } from '../../../pipeline/codec.ts';
import { type Weather, weatherRecord } from '../../../pipeline/weather.ts';
import { readWeather } from '../../../pipeline/weather-reading.ts';

const FLAT = {
  ...{ timestamp: '2026-11-21T20:15:00Z', city: 'Paris', country: 'France', country_code: 'FR' },
  ...{ temperature: 26.5, windspeed: 21, weather_code: 3 },
  ...{ wind_alert_level: 'level_2', heat_alert_level: 'level_1', location: 'FR/Paris' },
  ...{ latitude: 48.85, longitude: 2.35, timezone: 'Europe/Paris' },
};

/** As the geo producer of exercise 6 writes it for `Paris France`. */
const NESTED = {
  timestamp: '2025-09-14T16:03:12.482113',
  api_timestamp: '2025-09-14T16:00',
  location: {
    coordinates: { latitude: 48.85341, longitude: 2.3488 },
    geography: {
      ...{ name: 'Paris', country: 'France', country_code: 'FR', admin1: 'Île-de-France' },
      ...{ admin2: 'Paris', admin3: 'Paris', population: 2138551, elevation: 42 },
      feature_code: 'PPLC',
    },
    ...{ timezone: 'Europe/Paris', timezone_abbreviation: 'CEST', utc_offset_seconds: 7200 },
  },
  current_weather: {
    ...{ temperature: 21.4, apparent_temperature: 20.1, humidity: 55, is_day: 1 },
    ...{ precipitation: 0, weather_code: 61, cloud_cover: 75, pressure: 1012.3 },
    ...{ wind_speed: 54, wind_direction: 230, wind_gusts: 80.6 },
  },
  producer_info: { script: 'geo_weather.py', version: '1.0', message_id: 1 },
};

function read(json: unknown): Weather {
  const weather = readWeather(json, countryCodeOf);
  assert.ok(!(weather instanceof Fault), weather instanceof Fault ? weather.reason : '');
  return weather;
}

const placeOf = (json: unknown) => Object.values(read(json).location).join('/');

function faultOf(json: unknown): string {
  const fault = readWeather(json, countryCodeOf);
  assert.ok(fault instanceof Fault, `accepted: ${JSON.stringify(json)?.slice(0, 100)}`);
  assert.equal(fault.code, 'CODEC_COLUMN');
  return fault.reason;
}

test('a flat record is read as it was written', () => {
  const weather = read(FLAT);
  assert.deepEqual(weather.location, { country: 'FR', city: 'Paris' });
  assert.deepEqual(weatherRecord(weather), { ...FLAT, timestamp: '2026-11-21T20:15:00.000Z' });
});

test('Z05: the message of exercise 6 for Paris belongs to FR/Paris, its wind read as the km/h it is', () => {
  const weather = read(NESTED);
  assert.equal(placeOf(NESTED), 'FR/Paris');
  assert.equal(weather.windspeed, 15);
  assert.deepEqual([weather.windLevel, weather.heatLevel], [1, 0]);
  assert.equal(weather.observedAt, Date.UTC(2025, 8, 14, 16, 3, 12, 482));
  assert.deepEqual([weather.latitude, weather.timezone], [48.85341, 'Europe/Paris']);
});

test('the country comes from its code, else from its name in any language, else from the location', () => {
  const place = (fields: object) => placeOf({ city: 'X', ...fields });
  assert.equal(place({ country_code: 'fra', country: 'Deutschland' }), 'FR/X');
  assert.equal(place({ country_code: '??', country: 'Deutschland' }), 'DE/X');
  assert.equal(place({ country: 'Sweden' }), 'SE/X');
  assert.equal(place({ country: 'Austria' }), 'AT/X');
  assert.equal(place({ country: '日本' }), 'JP/X');
  assert.equal(place({ country: 'Atlantis' }), 'UNKNOWN/X');
  assert.equal(place({ country: 'x'.repeat(1024 * 1024) }), 'UNKNOWN/X');
  assert.equal(placeOf({ location: 'GB/London' }), 'GB/London');
  assert.equal(placeOf({ location: '../../etc' }), 'UNKNOWN/Unknown-City');
});

test('a record without a place is one of an unknown city', () => {
  for (const record of [
    {},
    { city: null, country: null },
    { city: ' ', location: '' },
    { location: {} },
  ]) {
    assert.equal(placeOf(record), 'UNKNOWN/Unknown-City');
  }
  assert.equal(placeOf({ country: 'France' }), 'FR/Unknown-City');
});

test('a hostile name of a city becomes a directory of its country', () => {
  assert.equal(placeOf({ ...FLAT, city: '../../etc' }), 'FR/etc');
  assert.equal(placeOf({ ...FLAT, city: 'a/b:c' }), 'FR/a-b-c');
  assert.equal(placeOf({ ...FLAT, city: '\0\u0007Paris\n' }), 'FR/Paris');
  assert.ok(Buffer.byteLength(placeOf({ ...FLAT, city: 'y'.repeat(1024 * 1024) })) <= 103);
});

test('numbers may stand as text', () => {
  const { temperature, windspeed } = read({ ...FLAT, temperature: ' -3.5 ', windspeed: '2e1' });
  assert.deepEqual([temperature, windspeed], [-3.5, 20]);
});

test('what is no finite number is named in the reason, without the value', () => {
  for (const value of ['NaN', 'Infinity', '1e400', '', ' ', 'warm', '0x10', '1,5', true, [], {}]) {
    assert.equal(faultOf({ ...FLAT, temperature: value }), 'temperature is no finite number');
  }
  for (const text of ['1e400', '-1e400']) {
    assert.equal(faultOf(JSON.parse(`{"windspeed":${text}}`)), 'windspeed is no finite number');
  }
  const kmh = { ...NESTED, current_weather: { wind_speed: 'fast' } };
  assert.equal(faultOf(kmh), 'wind_speed is no finite number');
});

test('a measure that is null or missing is not known, and the level that is given counts', () => {
  for (const given of [2, '2', 'level_2']) {
    const weather = read({ ...FLAT, temperature: null, heat_alert_level: given });
    assert.equal(weather.temperature, undefined);
    assert.equal(weather.heatLevel, 2);
  }
  assert.equal(read({ city: 'Paris', wind_alert_level: 'unknown' }).windLevel, undefined);
});

test('levels follow from the measures, whatever level stands there', () => {
  const { windLevel, heatLevel } = read({
    ...FLAT,
    wind_alert_level: 0,
    heat_alert_level: 'level_0',
  });
  assert.deepEqual([windLevel, heatLevel], [2, 1]);
});

test('what is no level is refused where it counts', () => {
  for (const level of [3, -1, 1.5, 'level_3', 'high', true, {}]) {
    assert.match(
      faultOf({ city: 'Paris', wind_alert_level: level }),
      /^wind_alert_level is none of/,
    );
  }
});

test('times are ISO 8601, in UTC without a zone, or seconds or milliseconds since 1970', () => {
  const at = Date.UTC(2026, 10, 21, 20, 15);
  for (const timestamp of [
    ...['2026-11-21T20:15:00Z', '2026-11-21T20:15', '2026-11-21 20:15:00.000000'],
    ...['2026-11-21T21:15:00+01:00', '2026-11-21T21:15:00+0100', at, at / 1000],
  ]) {
    assert.equal(read({ ...FLAT, timestamp }).observedAt, at, String(timestamp));
  }
  for (const timestamp of [undefined, null, '']) {
    assert.equal(read({ ...FLAT, timestamp }).observedAt, undefined);
  }
  for (const timestamp of ['yesterday', '2026-13-41T00:00', 1e300, {}, true, '21/11/2026 20:15']) {
    assert.equal(faultOf({ ...FLAT, timestamp }), 'timestamp is no time');
  }
});

test('a name that is no text is refused', () => {
  for (const value of [75, true, [], {}]) {
    assert.equal(faultOf({ ...FLAT, city: value }), 'city is no text');
    assert.equal(faultOf({ ...FLAT, country: value }), 'country is no text');
  }
});

test('a value that is no JSON object is no weather record', () => {
  for (const value of [null, 17, 'Paris', [], [FLAT], true, undefined]) {
    assert.match(faultOf(value), /no JSON object/);
  }
  assert.ok(decodeValue(Buffer.from('{"temperature":NaN}'), 'json') instanceof Fault);
});

test('no JSON value whatever makes reading throw, and no reason shows a value', () => {
  const keys = [...Object.keys(FLAT), ...Object.keys(NESTED)].filter((key) => key !== 'location');
  const json = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()),
    fc.record({ location: fc.jsonValue(), current_weather: fc.jsonValue() }),
  );
  fc.assert(
    fc.property(json, (value) => {
      const found = readWeather(value, countryCodeOf);
      if (found instanceof Fault) assert.match(found.reason, /^[\w ,:.]+$/);
      else assert.match(found.location.country, /^([A-Z]{2}|UNKNOWN)$/);
    }),
    { numRuns: 2000 },
  );
});
