// The weather of a place as a source: each observation once, at the time it is due, through all that passes.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { OpenMeteo } from '../../../../clients/open-meteo/open-meteo.ts';
import { configSchema } from '../../../../params/schema.ts';
import { type Clock, systemClock } from '../../../../pipeline/clock.ts';
import { isCode, Stopping } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { ID_HEADER } from '../../../../pipeline/source.ts';
import {
  type WeatherCursor,
  type WeatherOptions,
  WeatherSource,
} from '../../../../producer/sources/weather.ts';
import { OpenMeteoDouble, type OpenMeteoOptions } from '../../../doubles/open-meteo.ts';
import { eventually } from '../../../support/eventually.ts';
import { readUntil } from '../../../support/source-reading.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 21, 20, 7);
const PLACE = {
  ...{ id: 2988507, name: 'Paris', country: 'France', countryCode: 'FR', regions: [] },
  ...{ population: 2_138_551, latitude: 48.85341, longitude: 2.3488, timezone: 'Europe/Paris' },
};
const doubles: OpenMeteoDouble[] = [];

after(() => Promise.all(doubles.map((double) => double.close())));

/** Time passes only while the source sleeps, and then at once: for the source and its service. */
class LeapingClock implements Clock {
  #at = START_MS;

  now(): number {
    return this.#at;
  }

  monotonic(): number {
    return this.#at;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#at += ms;
  }
}

async function world(options: OpenMeteoOptions = {}, settings: object = {}) {
  const clock = new LeapingClock();
  const double = new OpenMeteoDouble({ clock, ...options });
  doubles.push(double);
  const url = await double.listen();
  const { openMeteo } = configSchema.parse({
    openMeteo: { geocodingUrl: url, forecastUrl: url, requestTimeoutMs: 300, ...settings },
  });
  const make = (more: Partial<WeatherOptions> = {}) =>
    new WeatherSource({
      ...{ place: PLACE, openMeteo: new OpenMeteo(openMeteo, clock), continuous: true },
      ...{ intervalMs: MINUTE_MS, retryMs: 600 * MINUTE_MS, log: silentLog, clock, ...more },
    });
  return { clock, double, make };
}

const times = (seen: ReadonlyMap<string, { readonly cursor: WeatherCursor }>) =>
  [...seen.values()].map(({ cursor }) => Date.parse(cursor.observedAt));

suite('weather of a place', () => {
  test('each observation comes once, in order, keyed by its location and told by its header', async () => {
    const { double, make } = await world();
    const source = make();
    assert.equal(source.name, 'weather FR/Paris #2988507');
    const seen = await readUntil(source, undefined, (ids) => ids.size === 4);
    const first = START_MS - 7 * MINUTE_MS;
    assert.deepEqual(
      times(seen),
      [0, 15, 30, 45].map((minutes) => first + minutes * MINUTE_MS),
    );
    for (const [id, { record }] of seen) {
      assert.equal(String(record?.key), 'FR/Paris');
      assert.equal(record?.headers?.[ID_HEADER], id);
      assert.equal(JSON.parse(String(record?.value)).location, 'FR/Paris');
    }
    assert.deepEqual(source.gaps, []);
    assert.equal(double.requests.length, 4, 'it looks when the next one is due');
  });

  test('from a cursor on, as it comes back from a file, the same observation is not given again', async () => {
    const { make } = await world();
    const [cursor] = [...(await readUntil(make(), undefined, () => true)).values()].map(
      ({ cursor }) => JSON.parse(JSON.stringify(cursor)),
    );
    const source = make();
    const seen = await readUntil(source, source.parseCursor(cursor), () => true);
    assert.ok((times(seen)[0] ?? 0) > Date.parse(cursor.observedAt));
  });

  test('once: one observation and the end; none when it was given before', async () => {
    const { make } = await world();
    const once = make({ continuous: false });
    const seen = await readUntil(once, undefined, () => false);
    assert.equal(seen.size, 1);
    const [{ cursor } = assert.fail()] = [...seen.values()];
    const later = { observedAt: new Date(Date.parse(cursor.observedAt) + 1e9).toISOString() };
    assert.equal((await readUntil(make({ continuous: false }), later, () => false)).size, 0);
  });

  test('time in which nobody looked is told as a gap, with its length', async () => {
    const { clock, make } = await world();
    const source = make();
    await readUntil(source, undefined, async (ids) => {
      if (ids.size === 1) await clock.sleep(3 * 60 * MINUTE_MS);
      return ids.size === 2;
    });
    assert.deepEqual(source.gaps, [
      {
        from: START_MS + 8 * MINUTE_MS,
        to: START_MS + 173 * MINUTE_MS,
        why: 'nobody looked at the weather',
      },
    ]);
  });

  test('looking seldom on purpose is no gap', async () => {
    const { make } = await world();
    const source = make({ intervalMs: 60 * MINUTE_MS });
    const [first = 0, second = 0] = times(
      await readUntil(source, undefined, (ids) => ids.size === 2),
    );
    assert.ok(second - first >= 60 * MINUTE_MS);
    assert.deepEqual(source.gaps, []);
  });

  test('429, 503, a hang, a cut answer and a page of a network pass, and nothing is given twice', async () => {
    const { double, make } = await world({ misbehave: 3 });
    const faults = ['too-many-retry-after', 'unavailable', 'hang', 'cut', 'html', 'too-many'];
    for (const fault of faults) double.misbehave(fault);
    const seen = await readUntil(make({ pauseFactor: 0.1 }), undefined, (ids) => ids.size === 8);
    const given = times(seen);
    assert.deepEqual(given, [...new Set(given)].sort());
    assert.ok(double.faults.counts.size >= faults.length, [...double.faults.counts].join(' '));
  });

  for (const fault of ['unauthorized', 'forbidden', 'bad-request', 'km/h']) {
    test(`${fault}: ends it at once, saying what to do`, async () => {
      const { double, make } = await world();
      double.misbehave(fault);
      await assert.rejects(
        readUntil(make(), undefined, () => true),
        (error) => isCode(error, 'SOURCE_REJECTED') && error.hint !== undefined,
      );
      assert.equal(double.requests.length, 1);
    });
  }

  test('when nothing works for the retry time it gives up', async () => {
    const { double, make } = await world();
    for (let count = 0; count < 50; count += 1) double.misbehave('unavailable');
    await assert.rejects(
      readUntil(make({ retryMs: 10 * MINUTE_MS }), undefined, () => true),
      (error) => isCode(error, 'SOURCE_UNAVAILABLE') && error.message.includes('tried for'),
    );
  });

  for (const [what, fault] of [
    ['waits for the next observation', undefined],
    ['waits for an answer that never comes', 'hang'],
    ['stays away on demand', 'too-many'],
  ] as const) {
    test(`ends within a second when it ${what}`, async () => {
      const { double, make } = await world({}, { requestTimeoutMs: 60_000 });
      if (fault) double.misbehave(fault);
      const source = make({ clock: systemClock });
      const stop = new AbortController();
      const reading = (async () => {
        for await (const _ of source.read(undefined, stop.signal)) assert.equal(fault, undefined);
      })();
      await eventually(() => assert.equal(double.requests.length, 1));
      const toldAt = performance.now();
      stop.abort(new Stopping('test'));
      await reading;
      assert.ok(performance.now() - toldAt < 1000);
    });
  }

  test('what is no cursor of it is refused by name', async () => {
    const source = (await world()).make();
    for (const other of [null, 17, 'text', [], {}, { observedAt: 5 }, { observedAt: 'soon' }]) {
      assert.throws(
        () => source.parseCursor(other),
        (error) => isCode(error, 'POSITION_CORRUPT') && error.hint !== undefined,
      );
    }
  });
});
