// The one clock that is not held.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../pipeline/clock.ts';
import { Stopping } from '../../../pipeline/errors.ts';

test('a sleep that is longer than a timer can be is not over at once, and can be ended', async () => {
  const stop = new AbortController();
  const sleeping = systemClock.sleep(Number.MAX_SAFE_INTEGER, stop.signal).then(
    () => 'over',
    () => 'ended',
  );
  assert.equal(await Promise.race([sleeping, delay(50, 'asleep')]), 'asleep');
  stop.abort(new Stopping('test'));
  assert.equal(await sleeping, 'ended');
});
