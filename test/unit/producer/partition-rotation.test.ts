// Which partition is next, with the clock in hand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { choosePartition } from '../../../producer/partition-rotation.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;

suite('partition rotation', () => {
  test('stays on one partition until the switch time, then takes the next, and wraps', () => {
    const clock = new ManualClock();
    const options = {
      partitioning: 'rotate',
      partitions: [0, 1, 2],
      switchMs: 10 * MINUTE,
    } as const;
    const next = choosePartition(options, clock);
    const seen = [0, 9.99, 10, 19.99, 20, 29.99, 30, 65].map((minutes) => {
      clock.at(minutes * MINUTE);
      return next();
    });
    assert.deepEqual(seen, [0, 0, 1, 1, 2, 2, 0, 0]);
  });

  test('begins to count when the producer starts, not at the beginning of the clock', () => {
    const clock = new ManualClock(123_456_789);
    const options = { partitioning: 'rotate', partitions: [4, 7], switchMs: 1000 } as const;
    const next = choosePartition(options, clock);
    assert.equal(next(), 4);
    clock.at(123_456_789 + 999);
    assert.equal(next(), 4);
    clock.at(123_456_789 + 1000);
    assert.equal(next(), 7);
  });

  test('round-robin gives one record each to every partition in turn', () => {
    const options = { partitioning: 'round-robin', partitions: [0, 1, 2], switchMs: 1 } as const;
    const next = choosePartition(options, new ManualClock());
    assert.deepEqual([next(), next(), next(), next()], [0, 1, 2, 0]);
  });

  test('key leaves the choice to the partitioner', () => {
    const options = { partitioning: 'key', partitions: [0, 1], switchMs: 1 } as const;
    assert.equal(choosePartition(options, new ManualClock())(), undefined);
  });
});
