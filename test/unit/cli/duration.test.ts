// Durations as a person types them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMinutes } from '../../../cli/duration.ts';

test('seconds, minutes, hours and milliseconds are understood', () => {
  const minutes = ['30s', '10m', '1h', '1.5h', '600ms'].map(durationMinutes);
  assert.deepEqual(minutes, [0.5, 10, 60, 90, 0.01]);
});

test('a bare number, zero, a negative, a blank or another unit is not', () => {
  const wrong = ['30', '0s', '-1s', '', '10 m', '10d', 's', '1e3s', '1m30s'];
  assert.deepEqual(
    wrong.map(durationMinutes),
    wrong.map(() => undefined),
  );
});
