// What is asked of Open-Meteo, what its answers mean, and how fast it is asked.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { OpenMeteo } from '../../../../clients/open-meteo/open-meteo.ts';
import { configSchema } from '../../../../params/schema.ts';
import { type Clock, systemClock } from '../../../../pipeline/clock.ts';
import { isCode, type PipelineError, Stopping } from '../../../../pipeline/errors.ts';
import { OpenMeteoDouble, type OpenMeteoOptions } from '../../../doubles/open-meteo.ts';
import { eventually } from '../../../support/eventually.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const KEY = 'canary-key-of-the-test';
const PARIS = { latitude: 48.85341, longitude: 2.3488 };
const { signal } = new AbortController();
const doubles: OpenMeteoDouble[] = [];

after(() => Promise.all(doubles.map((double) => double.close())));

async function service(options: OpenMeteoOptions = {}, settings: object = {}, clock?: Clock) {
  const double = new OpenMeteoDouble(options);
  doubles.push(double);
  const url = await double.listen();
  const addresses = { geocodingUrl: url, forecastUrl: `${url}/` };
  const pace = { requestsPerMinute: 1_000_000 };
  const { openMeteo } = configSchema.parse({ openMeteo: { ...addresses, ...pace, ...settings } });
  return { double, client: new OpenMeteo(openMeteo, clock ?? systemClock) };
}

async function refusal(asked: Promise<unknown>, code: 'SOURCE_REJECTED' | 'SOURCE_UNAVAILABLE') {
  const error = await asked.then(
    () => assert.fail('it was answered'),
    (reason: unknown) => reason,
  );
  assert.ok(isCode(error, code), String(error));
  assert.ok(error.hint);
  return error;
}

suite('Open-Meteo', () => {
  test('finds places by name and country, names in the language that is asked for', async () => {
    const { double, client } = await service();
    const [first, second] = await client.find('Paris', 'FR', 'fr', signal);
    assert.deepEqual([first?.countryCode, first?.country], ['US', 'États-Unis']);
    assert.deepEqual(second, {
      ...{ id: 2988507, name: 'Paris', country: 'France', countryCode: 'FR' },
      ...{ regions: ['Île-de-France'], population: 2_138_551 },
      ...{ ...PARIS, timezone: 'Europe/Paris' },
    });
    assert.deepEqual(Object.fromEntries(double.requests[0]?.searchParams ?? []), {
      ...{ name: 'Paris', count: '20', language: 'fr', format: 'json', countryCode: 'FR' },
    });
  });

  test('a name nobody knows is no place, though the answer has no list then', async () => {
    const { client } = await service();
    assert.deepEqual(await client.find('Atlantis', undefined, 'en', signal), []);
  });

  test('asks for wind in m/s and for times in GMT', async () => {
    const { double, client } = await service({
      weather: () => ({ temperature: 25, windspeed: 20.01 }),
    });
    const seen = await client.present(PARIS, signal);
    assert.deepEqual([seen.temperature, seen.windspeed], [25, 20.01]);
    assert.equal(seen.observedAt, double.observedAt());
    assert.equal(seen.intervalMs, 900_000);
    const asked = Object.fromEntries(double.requests[0]?.searchParams ?? []);
    assert.equal(asked['wind_speed_unit'], 'ms');
    assert.equal(asked['timezone'], 'GMT');
    assert.equal(asked['apikey'], undefined);
  });

  test('an answer in km/h is refused: its levels would be wrong', async () => {
    const { double, client } = await service();
    double.misbehave('km/h');
    const error = await refusal(client.present(PARIS, signal), 'SOURCE_REJECTED');
    assert.match(error.message, /answers in km\/h, not m\/s/);
  });

  test('values the model does not have are not known', async () => {
    const { double, client } = await service();
    double.misbehave('no-values');
    const { temperature, windspeed, weatherCode } = await client.present(PARIS, signal);
    assert.deepEqual([temperature, windspeed, weatherCode], [undefined, undefined, undefined]);
  });

  test('400 is for good, with the reason of the server', async () => {
    const { client } = await service();
    const error = await refusal(
      client.present({ latitude: 91, longitude: 0 }, signal),
      'SOURCE_REJECTED',
    );
    assert.match(error.message, /answered 400 \(Latitude must be in range/);
  });

  for (const [fault, said] of [
    ['unavailable', /answered 503$/],
    ['html', /no JSON/],
    ['cut', /other side closed|terminated/],
  ] as const) {
    test(`${fault}: passes, so it may be asked again`, async () => {
      const { double, client } = await service();
      double.misbehave(fault);
      const { message } = await refusal(client.present(PARIS, signal), 'SOURCE_UNAVAILABLE');
      assert.match(message, said);
      await client.present(PARIS, signal);
    });
  }

  test('an answer of another form passes too', async () => {
    const { client } = await service({
      weather: () => ({ temperature: 'warm' as unknown as number, windspeed: 1 }),
    });
    const { message } = await refusal(client.present(PARIS, signal), 'SOURCE_UNAVAILABLE');
    assert.match(message, /not of the form .* \(current\.temperature_2m\)/);
  });

  test('a server that hangs is given up after the time-out, and its connection closed', async () => {
    const { double, client } = await service({}, { requestTimeoutMs: 100 });
    double.misbehave('hang');
    const { message } = await refusal(client.present(PARIS, signal), 'SOURCE_UNAVAILABLE');
    assert.match(message, /no answer in 0.1 s/);
    await eventually(() => assert.equal(double.openConnections, 0));
  });

  for (const [fault, seconds] of [
    ['too-many-retry-after', 1],
    ['too-many', 60],
  ] as const) {
    test(`${fault}: after 429 nobody asks for ${seconds} s`, async () => {
      const clock = new ManualClock(1_000_000);
      const { double, client } = await service({}, {}, clock);
      double.misbehave(fault);
      await refusal(client.present(PARIS, signal), 'SOURCE_UNAVAILABLE');
      const others = Promise.all([
        client.present(PARIS, signal),
        client.find('P', 'FR', 'fr', signal),
      ]);
      await eventually(() => assert.equal(clock.sleeping, 2));
      clock.at(1_000_000 + seconds * 1000 - 1);
      // Whoever was woken for its turn finds that it has to sleep on.
      await eventually(() => assert.equal(clock.sleeping, 2), 5000);
      assert.equal(double.requests.length, 1);
      clock.at(1_000_000 + seconds * 1000);
      await others;
      assert.equal(double.requests.length, 3);
    });
  }

  test('so many requests at once, and no more', async () => {
    const { double, client } = await service({ answerMs: 20 }, { requestsAtOnce: 3 });
    await Promise.all(Array.from({ length: 20 }, () => client.present(PARIS, signal)));
    assert.equal(double.requests.length, 20);
    assert.equal(double.atOnceMax, 3);
  });

  test('so many requests in a minute, and no more', async () => {
    const clock = new ManualClock();
    const { double, client } = await service({}, { requestsPerMinute: 60 }, clock);
    const all = Promise.all([1, 2, 3].map(() => client.present(PARIS, signal)));
    for (const count of [1, 2, 3]) {
      await eventually(() => assert.equal(double.requests.length, count));
      await eventually(() => assert.equal(clock.sleeping, 3 - count));
      clock.at(count * 1000);
    }
    await all;
  });

  test('a stop ends at once whoever waits for its turn or its answer', async () => {
    const { double, client } = await service({}, { requestsAtOnce: 1 });
    double.misbehave('hang');
    const stop = new AbortController();
    const all = [1, 2, 3].map(() => client.present(PARIS, stop.signal));
    await eventually(() => assert.equal(double.requests.length, 1));
    const toldAt = performance.now();
    stop.abort(new Stopping('test'));
    for (const one of all) await assert.rejects(one, Stopping);
    assert.ok(performance.now() - toldAt < 1000);
    assert.equal(double.requests.length, 1);
  });

  test('the key of a customer is sent and shown nowhere', async () => {
    const { double, client } = await service(
      { weather: () => ({ temperature: KEY as unknown as number, windspeed: 1 }) },
      { apiKey: KEY },
    );
    const errors: PipelineError[] = [];
    errors.push(await refusal(client.present(PARIS, signal), 'SOURCE_UNAVAILABLE'));
    for (const fault of ['unauthorized', 'forbidden', 'bad-request'] as const) {
      double.misbehave(fault);
      errors.push(await refusal(client.present(PARIS, signal), 'SOURCE_REJECTED'));
    }
    assert.ok(double.requests.every(({ searchParams }) => searchParams.get('apikey') === KEY));
    assert.ok(!inspect(errors, { depth: 9 }).includes(KEY));
    assert.match(errors[1]?.hint ?? '', /openMeteo\.apiKey/);
  });
});
