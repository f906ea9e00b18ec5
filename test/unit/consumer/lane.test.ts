// A lane cuts batches by count, bytes, age and idleness, delivers them in order, and takes what another writer decided.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lane, type LaneLimits } from '../../../consumer/lane.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import type { Clock } from '../../../pipeline/clock.ts';
import type { BatchRecord } from '../../../pipeline/ledger.ts';
import type { PipelineRecord } from '../../../pipeline/record.ts';
import { deferred } from '../../../pipeline/retry.ts';

const of = { topic: 'posts', partition: 2 };
const LIMITS: LaneLimits = {
  size: 3,
  bytesMax: 1_000_000,
  ageMsMax: 1000,
  idleMsMax: 400,
  heldBytesMax: () => 1_000_000,
};

const record = (offset: number, bytes = 10): PipelineRecord => ({
  offset: BigInt(offset),
  timestamp: 0,
  key: null,
  value: Buffer.alloc(bytes),
  headers: undefined,
});

const entry = (batch: Batch, end = batch.range.end): BatchRecord => ({
  ...batch.range,
  end,
  kind: 'batch',
  attempt: 'a',
  files: [],
  rows: batch.records.length,
  deadLetters: 0,
  skipped: 0,
  last: undefined,
  at: 0,
});

class Hands {
  nowMs = 0;
  readonly delivered: string[] = [];
  readonly drained: bigint[] = [];
  readonly failures: unknown[] = [];
  answer: (batch: Batch) => Promise<BatchRecord> = async (batch) => entry(batch);
  readonly clock: Clock = {
    now: () => this.nowMs,
    monotonic: () => this.nowMs,
    sleep: async () => {},
  };

  lane(position: number, limits: Partial<LaneLimits> = {}): Lane {
    return new Lane(
      of,
      { position: BigInt(position), last: undefined, origin: 0n, logStart: 0n },
      { ...LIMITS, ...limits },
      {
        deliver: (batch) => {
          const offsets = batch.records.map(({ offset }) => offset).join(' ');
          this.delivered.push(`[${batch.range.start},${batch.range.end}) ${offsets}`);
          return this.answer(batch);
        },
        onDrained: (lane) => this.drained.push(lane.position),
        onFailed: (error) => this.failures.push(error),
      },
      this.clock,
    );
  }
}

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
  const lane = hands.lane(0, { size: 100, bytesMax: 1500 });
  lane.push([record(0, 450), record(1, 450), record(2, 5000), record(3, 10)], 4n);
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
  const lane = hands.lane(0, { heldBytesMax: () => 1200 });
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
  const lane = hands.lane(0, { size: 100, heldBytesMax: () => 900 });
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
