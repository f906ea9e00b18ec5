// A lane cuts batches by count, bytes, age and idleness, and delivers them in order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Hands, LIMITS, record } from './lane-hands.ts';

test('W01: 7 records in batches of 3 make two batches, and the seventh waits', async () => {
  const hands = new Hands();
  const lane = hands.lane(0);
  lane.push(
    [0, 1, 2, 3, 4, 5, 6].map((offset) => record(offset)),
    7n,
  );
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,3) 0 1 2', '[3,6) 3 4 5']);
  assert.equal(lane.position, 6n);
  assert.equal(lane.wanted, 7n);
  assert.equal(lane.isIdle, false);
});

test('W02: the first batch starts at the position, whatever its offset', async () => {
  const hands = new Hands();
  const lane = hands.lane(3);
  lane.push(
    [3, 4, 5, 6, 7, 8].map((offset) => record(offset)),
    9n,
  );
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[3,6) 3 4 5', '[6,9) 6 7 8']);
});

test('W05: offsets with holes never make the position start plus count', async () => {
  const hands = new Hands();
  const lane = hands.lane(0);
  lane.push(
    [0, 10, 20, 30].map((offset) => record(offset)),
    31n,
  );
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,21) 0 10 20', '[21,31) 30']);
  assert.equal(lane.position, 31n);
});

test('W07 W08: a part batch is cut by a timer when nothing comes any more', async () => {
  const hands = new Hands();
  const lane = hands.lane(0);
  lane.push([record(0), record(1)], 2n);
  hands.nowMs = 399;
  lane.tick();
  await lane.settled();
  assert.deepEqual(hands.delivered, []);
  hands.nowMs = 400;
  lane.tick();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,2) 0 1']);
});

test('a batch that is fed slowly and never idle is cut by its age', async () => {
  const hands = new Hands();
  const lane = hands.lane(0, { size: 100 });
  for (let at = 0; at < 1000; at += 300) {
    hands.nowMs = at;
    lane.push([record(at)], BigInt(at) + 1n);
    lane.tick();
  }
  assert.deepEqual(hands.delivered, []);
  hands.nowMs = 1000;
  lane.tick();
  await lane.settled();
  assert.equal(hands.delivered.length, 1);
});

test('H02: a record a minute for a day makes a file for each batch, not one for each record', async () => {
  const hands = new Hands();
  const hour = 60 * 60_000;
  const lane = hands.lane(0, { size: 1000, ageMsMax: hour, idleMsMax: hour });
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    lane.push([record(minute)], BigInt(minute + 1));
    hands.nowMs += 60_000;
    lane.tick();
    await lane.settled();
  }
  assert.equal(hands.delivered.length, 24);
});

test('a batch never exceeds its bytes, unless one record alone does', async () => {
  const hands = new Hands();
  const lane = hands.lane(0, { size: 100, bytesMax: 1000 });
  lane.push([record(0, 490), record(1, 490), record(2, 5000), record(3, 10)], 4n);
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,1) 0', '[1,2) 1', '[2,3) 2', '[3,4) 3']);
});

test('offsets without records belong to the batch that is open', async () => {
  const hands = new Hands();
  const lane = hands.lane(0);
  lane.passOver(5n);
  assert.equal(lane.wanted, 5n);
  lane.push([record(5)], 8n);
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,8) 5']);
});

test('O01: when nothing but offsets without records came, the position passes them after a while all the same', async () => {
  const hands = new Hands();
  const lane = hands.lane(0);
  lane.passOver(5n);
  lane.tick();
  assert.deepEqual(hands.delivered, []);
  hands.nowMs = LIMITS.idleMsMax;
  lane.tick();
  assert.equal(lane.isIdle, false);
  await lane.settled();
  assert.deepEqual([hands.delivered, lane.position], [['[0,5) '], 5n]);
  hands.nowMs *= 10;
  lane.tick();
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,5) '], 'once');
});
