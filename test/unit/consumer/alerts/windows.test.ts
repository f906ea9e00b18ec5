// Sliding windows: which of them hold a time, what they count, and that the order of what comes makes no difference.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type CountedAlert,
  firstEnd,
  lastEnd,
  SLIDE_MS,
  SlidingWindows,
  WINDOW_MS,
} from '../../../../consumer/alerts/windows.ts';

const NEVER = Number.NEGATIVE_INFINITY;
const noon = Date.parse('2026-11-21T12:00:00Z');
const alert = (level: 1 | 2 = 1, country = 'FR'): CountedAlert => {
  return { country, level, wind: true, heat: level === 2 };
};

const someAlert = fc.record({
  time: fc.integer({ min: noon - 20 * SLIDE_MS, max: noon + 20 * SLIDE_MS }),
  alert: fc.record({
    country: fc.constantFrom('FR', 'DE', 'UNKNOWN'),
    level: fc.constantFrom<1 | 2>(1, 2),
    wind: fc.boolean(),
    heat: fc.boolean(),
  }),
});

test('a time is in the five windows that begin in the five minutes before it', () => {
  for (const [time, first] of [
    [noon, noon + SLIDE_MS],
    [noon + SLIDE_MS - 1, noon + SLIDE_MS],
    [noon + SLIDE_MS, noon + 2 * SLIDE_MS],
    [-1, 0],
  ] as const) {
    assert.equal(firstEnd(time), first);
    assert.equal(lastEnd(time), first + 4 * SLIDE_MS);
    const windows = new SlidingWindows();
    windows.add(alert(), time, NEVER);
    const closed = windows.close(Number.POSITIVE_INFINITY);
    assert.deepEqual(
      closed.map(({ end }) => (end - first) / SLIDE_MS),
      [0, 1, 2, 3, 4],
    );
    for (const { start, end } of closed) {
      assert.equal(end - start, WINDOW_MS);
      assert.ok(start <= time && time < end);
    }
  }
});

test('the counts are those that a look at every alert for every window gives, in any order', () =>
  fc.assert(
    fc.property(
      fc
        .array(someAlert, { maxLength: 40 })
        .chain((alerts) =>
          fc.tuple(
            fc.constant(alerts),
            fc.shuffledSubarray(alerts, { minLength: alerts.length, maxLength: alerts.length }),
          ),
        ),
      ([alerts, shuffled]) => {
        const windows = new SlidingWindows();
        for (const { alert: one, time } of shuffled) assert.equal(windows.add(one, time, NEVER), 0);
        const closed = windows.close(Number.POSITIVE_INFINITY);
        for (const { start, end, country, level, count, wind, heat } of closed) {
          const held = alerts.filter(
            ({ time, alert: one }) =>
              start <= time && time < end && one.country === country && one.level === level,
          );
          assert.ok(count > 0);
          assert.equal(count, held.length);
          assert.equal(wind, held.filter((one) => one.alert.wind).length);
          assert.equal(heat, held.filter((one) => one.alert.heat).length);
        }
        const counted = closed.reduce((sum, { count }) => sum + count, 0);
        assert.equal(counted, (alerts.length * WINDOW_MS) / SLIDE_MS);
      },
    ),
  ));

test('windows are closed once, oldest first, and what comes late is counted in those still open', () => {
  const windows = new SlidingWindows();
  windows.add(alert(2, 'FR'), noon, NEVER);
  windows.add(alert(1, 'FR'), noon, NEVER);
  windows.add(alert(1, 'DE'), noon, NEVER);
  const until = noon + 2 * SLIDE_MS;
  assert.deepEqual(
    windows
      .close(until)
      .map(({ end, country, level }) => [(end - noon) / SLIDE_MS, country, level]),
    [
      [1, 'DE', 1],
      [1, 'FR', 1],
      [1, 'FR', 2],
      [2, 'DE', 1],
      [2, 'FR', 1],
      [2, 'FR', 2],
    ],
  );
  assert.deepEqual(windows.close(until), []);
  assert.equal(windows.add(alert(1, 'FR'), noon, until), 2);
  assert.equal(windows.add(alert(1, 'FR'), noon - 4 * SLIDE_MS, until), 5);
  const last = windows.close(Number.POSITIVE_INFINITY).filter((one) => one.country === 'FR');
  assert.deepEqual(
    last.map(({ level, count }) => [level, count]),
    [3, 4, 5].flatMap(() => [
      [1, 2],
      [2, 1],
    ]),
  );
});
