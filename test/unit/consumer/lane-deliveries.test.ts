// A lane takes what another writer decided, holds no more than it may, and marks what repeats an earlier record.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { idReader, Repeats } from '../../../consumer/dedupe.ts';
import { fingerprint } from '../../../consumer/sinks/fingerprint.ts';
import { recordBytes } from '../../../pipeline/record.ts';
import { deferred } from '../../../pipeline/retry.ts';
import { entry, Hands, record } from './lane-hands.ts';

test('a shorter entry of another writer trims the batch and delivers the rest', async () => {
  const hands = new Hands();
  hands.answer = async (batch) => entry(batch, batch.range.start === 0n ? 2n : batch.range.end);
  const lane = hands.lane(0);
  lane.push(
    [0, 1, 2].map((offset) => record(offset)),
    3n,
  );
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,3) 0 1 2', '[2,3) 2']);
});

test('a longer entry of another writer drops what it covers, in later batches too', async () => {
  const hands = new Hands();
  hands.answer = async (batch) => entry(batch, batch.range.start === 0n ? 7n : batch.range.end);
  const lane = hands.lane(0);
  lane.push(
    [0, 1, 2, 3, 4, 5, 6, 7].map((offset) => record(offset)),
    8n,
  );
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,3) 0 1 2', '[7,8) 7']);
  assert.equal(lane.position, 8n);
});

test('a full lane says so, and tells when it is not full any more', async () => {
  const hands = new Hands();
  const gate = deferred<void>();
  hands.answer = async (batch) => {
    await gate.promise;
    return entry(batch);
  };
  const lane = hands.lane(0, { heldBytesMax: () => 4 * recordBytes(record(0)) - 1 });
  lane.push(
    [0, 1, 2, 3].map((offset) => record(offset)),
    4n,
  );
  assert.equal(lane.isFull, true);
  assert.deepEqual(hands.drained, []);
  gate.resolve();
  await lane.settled();
  assert.equal(lane.isFull, false);
  assert.deepEqual(hands.drained, [3n]);
});

test('a lane whose open batch alone fills it cuts that batch, instead of waiting for records nobody sends', async () => {
  const hands = new Hands();
  const lane = hands.lane(0, { size: 100, heldBytesMax: () => 3 * recordBytes(record(0)) });
  lane.push(
    [0, 1, 2, 3].map((offset) => record(offset)),
    4n,
  );
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[0,4) 0 1 2 3']);
  assert.deepEqual(hands.drained, [4n]);
});

test('a failed delivery is told once and nothing more is delivered', async () => {
  const hands = new Hands();
  hands.answer = async () => {
    throw new Error('no way');
  };
  const lane = hands.lane(0);
  lane.push(
    [0, 1, 2, 3, 4, 5].map((offset) => record(offset)),
    6n,
  );
  await lane.settled();
  assert.equal(hands.delivered.length, 1);
  assert.deepEqual(hands.failures.map(String), ['Error: no way']);
});

test('W06: an abandoned lane drops what it holds without an error', async () => {
  const hands = new Hands();
  const gate = deferred<void>();
  hands.answer = async () => {
    await gate.promise;
    throw new Error('aborted');
  };
  const lane = hands.lane(0);
  lane.push(
    [0, 1, 2, 3, 4, 5, 6].map((offset) => record(offset)),
    7n,
  );
  lane.abandon(new Error('moved'));
  gate.resolve();
  await lane.settled();
  assert.deepEqual(hands.failures, []);
  assert.equal(hands.delivered.length, 1);
});

test('whatever other writers decided, every record is decided once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 7 }),
      async (steps, foreign, size) => {
        const offsets: number[] = [];
        for (const step of steps) offsets.push((offsets.at(-1) ?? -1) + step);
        const hands = new Hands();
        const decided: bigint[] = [];
        let turn = 0;
        hands.answer = async (batch) => {
          const { start, end } = batch.range;
          const length = foreign[turn++] ?? 0;
          const standing = length === 0 ? end : start + BigInt(length);
          for (const offset of offsets) {
            if (BigInt(offset) >= start && BigInt(offset) < standing) decided.push(BigInt(offset));
          }
          return entry(batch, standing);
        };
        const lane = hands.lane(0, { size });
        lane.push(
          offsets.map((offset) => record(offset)),
          BigInt((offsets.at(-1) ?? -1) + 1),
        );
        lane.cut();
        await lane.settled();
        assert.deepEqual(hands.failures, []);
        assert.deepEqual(decided, offsets.map(BigInt));
      },
    ),
  );
});

const keyed = (offset: number, key: string) => ({ ...record(offset), key: Buffer.from(key) });

test('repeats are marked in the batch that holds them, also those of an id that was only looked at', async () => {
  const hands = new Hands();
  const repeats = new Repeats(idReader('$key'), 10);
  const lane = hands.lane(5, {}, {}, repeats);
  assert.equal(lane.wanted, 0n);
  lane.push([keyed(0, 'a'), keyed(4, 'b'), keyed(5, 'c'), keyed(6, 'b')], 7n);
  lane.push([keyed(7, 'd'), keyed(8, 'c'), keyed(11, 'a')], 12n);
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[5,8) 5 6 7', '[8,12) 8 11']);
  assert.deepEqual(
    hands.batches.map((batch) => [...(batch.repeats ?? [])]),
    [[6n], [8n]],
  );
});

test('a batch without records tells the last record in front of it', async () => {
  const hands = new Hands();
  const lane = hands.lane(3);
  lane.push([record(3)], 4n);
  lane.cut();
  lane.passOver(9n);
  lane.cut();
  await lane.settled();
  assert.deepEqual(hands.delivered, ['[3,4) 3', '[4,9) ']);
  assert.deepEqual(hands.batches[1]?.before, fingerprint(record(3)));
});

test('a lane that finds nothing to look back at has reached the end after a while, not at once', () => {
  const hands = new Hands();
  const lane = hands.lane(5, {}, { last: fingerprint(record(4)) });
  assert.equal(lane.hasReached(4n), true);
  assert.equal(lane.hasReached(5n), false);
  hands.nowMs = 15_000;
  assert.equal(lane.hasReached(5n), true);
  assert.equal(lane.hasReached(6n), false);
  lane.push([record(4)], 5n);
  assert.equal(lane.hasReached(5n), true);
});
