// Which partition is next, with the clock in hand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createRotation, type RotationState } from '../../../producer/partition-rotation.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;

function rotate(clock: ManualClock, partitions: readonly number[], from?: RotationState) {
  const switchMs = 10 * MINUTE;
  return createRotation({ partitioning: 'rotate', partitions, switchMs, from }, clock);
}

suite('partition rotation', () => {
  test('stays on one partition until it is turned, takes the one whose time it is, and wraps', () => {
    const clock = new ManualClock();
    const rotation = rotate(clock, [0, 1, 2]);
    const seen = [0, 9.99, 10, 19.99, 20, 29.99, 30, 65].map((minutes) => {
      clock.at(minutes * MINUTE);
      const before = rotation.next();
      if (rotation.isDue()) rotation.turn();
      return [before, rotation.next()];
    });
    assert.deepEqual(seen, [
      [0, 0],
      [0, 0],
      [0, 1],
      [1, 1],
      [1, 2],
      [2, 2],
      [2, 0],
      [0, 0],
    ]);
  });

  test('begins to count when the producer starts, not at the beginning of the clock', () => {
    const clock = new ManualClock(123_456_789);
    const rotation = rotate(clock, [4, 7]);
    assert.deepEqual([rotation.next(), rotation.isDue()], [4, false]);
    clock.at(123_456_789 + 10 * MINUTE - 1);
    assert.ok(!rotation.isDue());
    clock.at(123_456_789 + 10 * MINUTE);
    assert.ok(rotation.isDue());
  });

  test('goes on where an earlier producer was, for the rest of its time', () => {
    const clock = new ManualClock(5 * MINUTE);
    const first = rotate(clock, [0, 1, 2]);
    clock.at(22 * MINUTE);
    first.turn();
    clock.at(24 * MINUTE);
    const state = first.state();
    assert.deepEqual(state, { partition: 1, spentMs: 9 * MINUTE });
    const later = new ManualClock(1000 * MINUTE);
    const second = rotate(later, [0, 1, 2], state);
    assert.deepEqual([second.next(), second.isDue()], [1, false]);
    later.at(1001 * MINUTE);
    assert.ok(second.isDue());
    second.turn();
    assert.deepEqual(second.state(), { partition: 2, spentMs: 0 });
  });

  test('begins anew when the topic has no such partition any more', () => {
    const rotation = rotate(new ManualClock(), [0, 1], { partition: 5, spentMs: 9 * MINUTE });
    assert.deepEqual(rotation.state(), { partition: 0, spentMs: 0 });
  });

  test('round-robin gives one record each to every partition in turn', () => {
    const options = { partitioning: 'round-robin', partitions: [0, 1, 2], switchMs: 1 } as const;
    const rotation = createRotation(options, new ManualClock());
    assert.deepEqual(
      Array.from({ length: 4 }, () => rotation.next()),
      [0, 1, 2, 0],
    );
    assert.equal(rotation.state(), undefined);
  });

  test('key leaves the choice to the partitioner', () => {
    const options = { partitioning: 'key', partitions: [0, 1], switchMs: 1 } as const;
    assert.equal(createRotation(options, new ManualClock()).next(), undefined);
  });
});
