// Pauses between two attempts of a source, and when it gives up.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isCode, PipelineError } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { Reconnects } from '../../../../producer/sources/reconnects.ts';

const { signal } = new AbortController();
const away = (context = {}) => new PipelineError('SOURCE_UNAVAILABLE', 'away', { context });

/** A clock that sleeps at once and remembers how long. */
function quickClock() {
  let nowMs = 1_795_000_000_000;
  const slept: number[] = [];
  const sleep = async (ms: number) => {
    slept.push(ms);
    nowMs += ms;
  };
  return { slept, clock: { now: () => nowMs, monotonic: () => nowMs, sleep } };
}

function reconnects(retryMs: number) {
  const { slept, clock } = quickClock();
  return {
    slept,
    clock,
    ...{ the: new Reconnects({ retryMs, clock, log: silentLog, pauseFactor: 1 }) },
  };
}

suite('reconnects', () => {
  test('pauses double from half a second to half a minute, and begin anew after success', async () => {
    const { the, slept } = reconnects(1e9);
    for (let attempt = 0; attempt < 9; attempt += 1) await the.pause(away(), signal);
    for (const [index, ms] of slept.entries()) {
      const middle = Math.min(500 * 2 ** index, 30_000);
      assert.ok(ms >= middle * 0.8 && ms <= middle * 1.2 + 1, `pause ${index}: ${ms} ms`);
    }
    the.worked();
    await the.pause(away(), signal);
    assert.ok((slept.at(-1) ?? 0) <= 601);
  });

  test('what is refused for good is thrown at once', async () => {
    const { the, slept } = reconnects(1e9);
    const error = new PipelineError('SOURCE_REJECTED', 'no');
    await assert.rejects(the.pause(error, signal), (thrown) => thrown === error);
    assert.deepEqual(slept, []);
  });

  test('gives up when nothing worked for retryMs', async () => {
    const { the } = reconnects(5000);
    const trying = async () => {
      for (;;) await the.pause(away(), signal);
    };
    await assert.rejects(
      trying(),
      (error) => isCode(error, 'SOURCE_UNAVAILABLE') && /tried for \d+ s/.test(error.message),
    );
  });

  test('stays away as long as it is told to, a quarter of an hour at most, and never gives up for that', async () => {
    const { the, slept, clock } = reconnects(5000);
    await the.pause(away({ notBeforeMs: clock.now() + 60_000 }), signal);
    await the.pause(away({ notBeforeMs: clock.now() + 1e12 }), signal);
    assert.deepEqual(slept, [60_000, 15 * 60_000]);
    await the.pause(away(), signal);
  });
});
