// The assignment seeks before anything is fetched, checks where each fetch began, and never mistakes a loss for a hole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AssignmentHands, of, record } from '../../support/assignment-hands.ts';

test('a new partition is paused inside the join and sought before it is resumed', async () => {
  const hands = new AssignmentHands();
  hands.assigned(1, 0);
  assert.deepEqual(hands.taken(), ['pause 1', 'pause 0']);
  assert.equal(hands.assignment.isComplete, false);
  await hands.load(1, 40n);
  await hands.load(0, 7n);
  assert.deepEqual(hands.taken(), ['seek 1 40', 'resume 1', 'seek 0 7', 'resume 0']);
  assert.equal(hands.assignment.isComplete, true);
});

test('partitions of one number in two topics have lanes of their own', async () => {
  const hands = new AssignmentHands();
  const [posts, alerts] = [of(0), of(0, 'alerts')];
  hands.assignment.assigned([posts, alerts]);
  await hands.load(0, 40n);
  assert.equal(hands.assignment.isComplete, false);
  await hands.load(0, 7n, 'alerts');
  assert.equal(hands.assignment.isComplete, true);
  const fetched = { records: [record(7)], from: 7n, next: 8n, end: 8n };
  assert.equal(hands.assignment.records({ ...fetched, of: posts }), false);
  assert.equal(hands.assignment.records({ ...fetched, of: alerts }), true);
  assert.deepEqual(
    hands.assignment.lanes.map((lane) => [lane.of.topic, lane.wanted]),
    [
      ['posts', 40n],
      ['alerts', 8n],
    ],
  );
  hands.assignment.assigned([posts]);
  assert.deepEqual(
    hands.assignment.lanes.map((lane) => lane.of),
    [posts],
  );
});

test('a position that was loaded before another join is thrown away and loaded again', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  const early = hands.loads.get('posts-0');
  hands.assigned(0);
  early?.resolve(5n);
  await turn();
  assert.deepEqual(hands.wanted, {});
  await hands.load(0, 9n);
  assert.deepEqual(hands.wanted, { 0: '9' });
});

test('G01: partitions that stay keep their lane and are sought at its last record; those that move are dropped', async () => {
  const hands = new AssignmentHands();
  hands.assigned(1, 2);
  await hands.load(1, 0n);
  await hands.load(2, 0n);
  hands.fetched(1, 0n, [record(0)], 1n);
  hands.fetched(2, 0n, [record(0)], 1n);
  hands.taken();
  hands.assigned(1, 3);
  assert.deepEqual(hands.taken(), ['seek 1 0', 'resume 1', 'pause 3']);
  await hands.load(3, 6n);
  assert.deepEqual(hands.wanted, { 1: '0', 3: '6' });
  assert.equal(hands.fetched(1, 0n, [record(0)], 1n), true);
  assert.deepEqual(hands.wanted, { 1: '1', 3: '6' });
  assert.equal(hands.fetched(2, 1n, [record(1)], 2n), false);
});

test('a fetch from before the seek is refused and sought again', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.taken();
  assert.equal(hands.fetched(0, 0n, [record(0)], 1n), false);
  assert.deepEqual(hands.taken(), ['seek 0 40']);
  assert.equal(hands.fetched(0, 40n, [record(40)], 41n), true);
  assert.deepEqual(hands.wanted, { 0: '41' });
});

test('O03: a fetch that jumps twice over offsets that are gone loads the position again', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.logStart = 90n;
  hands.taken();
  assert.equal(hands.fetched(0, 90n, [record(90)], 91n), false);
  assert.equal(hands.fetched(0, 90n, [record(90)], 91n), false);
  await turn();
  assert.deepEqual(hands.taken(), ['seek 0 40', 'pause 0', 'pause 0']);
  await hands.load(0, 90n);
  assert.deepEqual(hands.taken(), ['seek 0 90', 'resume 0']);
});

test('O02: a fetch that jumps twice over offsets that hold no record is accepted', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.taken();
  hands.fetched(0, 50n, [record(50)], 51n);
  hands.fetched(0, 50n, [record(50)], 51n);
  await turn();
  assert.deepEqual(hands.wanted, { 0: '50' });
  assert.deepEqual(hands.taken(), ['seek 0 40', 'pause 0', 'seek 0 50', 'resume 0']);
  assert.equal(hands.fetched(0, 50n, [record(50)], 51n), true);
});

test('O01: offsets without records are passed over where they continue what was read', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.assignment.passedOver(of(0), 40n, 45n);
  assert.deepEqual(hands.wanted, { 0: '45' });
  hands.assignment.passedOver(of(0), 30n, 35n);
  assert.deepEqual(hands.wanted, { 0: '45' });
});

test('O01 O02: aborted records behind a hole are passed over only after a second look', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.taken();
  hands.assignment.passedOver(of(0), 48n, 50n);
  assert.deepEqual(hands.wanted, { 0: '40' });
  hands.assignment.passedOver(of(0), 48n, 50n);
  await turn();
  assert.deepEqual(hands.wanted, { 0: '48' });
  assert.deepEqual(hands.taken(), ['seek 0 40', 'pause 0', 'seek 0 48', 'resume 0']);
});

test('O03: a jump over deleted offsets is a loss even when only aborted records follow', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.fetched(0, 40n, [record(40)], 41n);
  hands.logStart = 90n;
  hands.taken();
  hands.assignment.passedOver(of(0), 90n, 95n);
  hands.assignment.passedOver(of(0), 90n, 95n);
  await turn();
  assert.deepEqual(hands.taken(), ['seek 0 41', 'pause 0']);
  await hands.lanesEnd();
  assert.deepEqual(hands.taken(), ['pause 0']);
  await hands.load(0, 90n);
  assert.deepEqual(hands.wanted, { 0: '90' });
});

test('O03: a log that was emptied before it was read is noticed without any record', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.taken();
  hands.assignment.checkIdle();
  await turn();
  assert.deepEqual(hands.taken(), []);
  hands.logStart = 90n;
  hands.assignment.checkIdle();
  await turn();
  assert.deepEqual(hands.taken(), ['pause 0']);
});

test('a join while the ends of the log are asked for leaves nothing paused', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 40n);
  hands.fetched(0, 50n, [record(50)], 51n);
  hands.fetched(0, 50n, [record(50)], 51n);
  hands.taken();
  hands.assigned(0);
  await turn();
  assert.deepEqual(hands.taken(), ['seek 0 40', 'resume 0']);
});

test('after a restart of the client a full lane is paused again', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 0n);
  hands.fetched(0, 0n, [0, 1, 2, 3, 4].map(record), 5n);
  hands.taken();
  hands.assigned(0);
  assert.deepEqual(hands.taken(), ['seek 0 4', 'pause 0']);
});

test('once closed nothing is taken in, whatever joins follow', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 0n);
  hands.taken();
  hands.assignment.close();
  assert.deepEqual(hands.taken(), ['pause 0']);
  hands.assigned(0, 1);
  assert.deepEqual(hands.taken(), ['pause 0,1']);
  assert.equal(hands.fetched(0, 0n, [record(0)], 1n), false);
});

test('a full lane is paused until it is drained, and a lane that has moved on resumes nothing', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0);
  await hands.load(0, 0n);
  hands.taken();
  hands.fetched(0, 0n, [0, 1, 2, 3, 4].map(record), 5n);
  assert.deepEqual(hands.taken(), ['pause 0']);
  const [lane] = hands.assignment.lanes;
  assert.ok(lane);
  hands.assignment.drained(lane);
  assert.deepEqual(hands.taken(), ['resume 0']);
  hands.assigned();
  hands.assignment.drained(lane);
  assert.deepEqual(hands.taken(), []);
});

test('a start position that cannot be decided fails the run, unless the partition has moved on', async () => {
  const hands = new AssignmentHands();
  hands.assigned(0, 1);
  hands.loads.get('posts-0')?.reject(new Error('gap'));
  await turn();
  assert.deepEqual(hands.failures.map(String), ['Error: gap']);
  const moved = hands.loads.get('posts-1');
  hands.assigned(0);
  moved?.reject(new Error('late'));
  await turn();
  assert.equal(hands.failures.length, 1);
});
