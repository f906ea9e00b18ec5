// What geo-weather says before it sends anything: places that are not known, a limit that will be exceeded, a stop.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { configSchema, paramsSchema } from '../../../params/schema.ts';
import { systemClock } from '../../../pipeline/clock.ts';
import { isCode, Stopping } from '../../../pipeline/errors.ts';
import { runGeoWeather } from '../../../producer/geo-weather.ts';
import { OpenMeteoDouble } from '../../doubles/open-meteo.ts';
import { eventually } from '../../support/eventually.ts';
import { heardLog } from '../../support/heard-log.ts';

const double = new OpenMeteoDouble();
const url = await double.listen();
after(() => double.close());

function run(weather: object, signal = new AbortController().signal, log = heardLog().log) {
  const openMeteo = { geocodingUrl: url, forecastUrl: url, requestsPerMinute: 100_000 };
  const settings = {
    params: paramsSchema.parse({ weather, limits: { startMs: 1000 } }),
    // Nobody listens there.
    config: configSchema.parse({ openMeteo, kafka: { brokers: ['127.0.0.1:9'] } }),
  };
  return runGeoWeather(settings, { log, clock: systemClock, signal, out() {} });
}

test('an unknown country ends it before anything is asked', async () => {
  const asked = double.requests.length;
  await assert.rejects(
    run({ places: ['Paris, France', 'Paris, Atlantis'] }),
    (error) => isCode(error, 'USAGE') && error.message.includes('no country is called Atlantis'),
  );
  assert.equal(double.requests.length, asked);
});

test('every place that Open-Meteo does not know is named, and no weather is asked for', async () => {
  await assert.rejects(
    run({ places: ['Nowhere, France', 'Paris, France', 'Elsewhere, USA'] }),
    (error) =>
      isCode(error, 'USAGE') &&
      /"Nowhere, France" is not known to Open-Meteo; "Elsewhere, USA" is not/.test(error.message),
  );
  assert.ok(double.requests.every(({ pathname }) => pathname === '/v1/search'));
});

test('to be told to stop while places are looked up is no error', async () => {
  double.misbehave('hang');
  const asked = double.requests.length;
  const stop = new AbortController();
  const running = run({ places: ['Paris'] }, stop.signal);
  await eventually(() => assert.equal(double.requests.length, asked + 1));
  stop.abort(new Stopping('test'));
  assert.equal(await running, undefined);
});

test('more places than are free of charge are warned about, and all are looked up', async () => {
  const heard = heardLog();
  const places = Array.from({ length: 110 }, (_, at) => `City ${at + 1}, France`);
  const { signal } = new AbortController();
  await assert.rejects(run({ places, continuous: true }, signal, heard.log), (error) =>
    isCode(error, 'KAFKA_UNAVAILABLE'),
  );
  await heard.until(/110 places need 10560 requests a day/);
});
