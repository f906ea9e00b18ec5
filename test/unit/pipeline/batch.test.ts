// Cutting batches, and trimming them to a position: laws over random records, and the edges.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Batch, BatchBuilder, trimBatch } from '../../../pipeline/batch.ts';
import { relate } from '../../../pipeline/range.ts';
import { type PipelineRecord, recordBytes } from '../../../pipeline/record.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const OF = { topic: 'posts', partition: 2 };

function record(offset: bigint, bytes = 0): PipelineRecord {
  return { offset, timestamp: 0, key: null, value: Buffer.alloc(bytes), headers: undefined };
}

/** What a reader sees: a record after a hole of so many offsets, or a skip over so many. */
const step = fc.record({
  kind: fc.constantFrom('record', 'record', 'record', 'skip', 'cut'),
  hole: fc.nat(3),
  bytes: fc.nat(400),
});
const limits = fc.record({
  size: fc.integer({ min: 1, max: 5 }),
  bytesMax: fc.integer({ min: 1, max: 1200 }),
});

interface Read {
  readonly batches: Batch[];
  readonly records: PipelineRecord[];
  readonly start: bigint;
  readonly end: bigint;
}

/** Feeds a builder the way the consumer does. */
function read(
  start: bigint,
  steps: readonly { kind: string; hole: number; bytes: number }[],
  limit: { size: number; bytesMax: number },
): Read {
  const builder = new BatchBuilder(OF, start, limit, new ManualClock());
  const batches: Batch[] = [];
  const records: PipelineRecord[] = [];
  let at = start;
  const cut = () => {
    const batch = builder.cut();
    if (batch) batches.push(batch);
  };
  for (const { kind, hole, bytes } of steps) {
    if (kind === 'cut') cut();
    if (kind === 'skip') {
      at += BigInt(hole);
      builder.skipTo(at);
    }
    if (kind === 'record') {
      const next = record(at + BigInt(hole), bytes);
      if (builder.isFullFor(next)) cut();
      builder.add(next);
      records.push(next);
      at = next.offset + 1n;
      if (builder.isFull) cut();
    }
    assert.equal(builder.position, at);
  }
  cut();
  return { batches, records, start, end: builder.position };
}

const reading = fc.tuple(fc.bigInt(0n, 2n ** 62n), fc.array(step, { maxLength: 40 }), limits);

test('batches form a chain from the start position on, and hold every record once, in order', () =>
  fc.assert(
    fc.property(reading, ([start, steps, limit]) => {
      const { batches, records } = read(start, steps, limit);
      assert.deepEqual(
        batches.flatMap((batch) => [...batch.records]),
        records,
      );
      let position = start;
      for (const { range } of batches) {
        assert.equal(relate(position, range), 'next');
        position = range.end;
      }
    }),
  ));

test('each record of a batch lies in its range, and no range is empty', () =>
  fc.assert(
    fc.property(reading, ([start, steps, limit]) => {
      for (const { range, records } of read(start, steps, limit).batches) {
        assert.ok(range.start < range.end);
        for (const { offset } of records) assert.ok(range.start <= offset && offset < range.end);
      }
    }),
  ));

test('a batch keeps its limits; only a single record may exceed the bytes', () =>
  fc.assert(
    fc.property(reading, ([start, steps, limit]) => {
      for (const { records } of read(start, steps, limit).batches) {
        assert.ok(records.length <= limit.size);
        const bytes = [...records].reduce((sum, one) => sum + recordBytes(one), 0);
        assert.ok(bytes <= limit.bytesMax || records.length === 1);
      }
    }),
  ));

test('no batch is cut for its limits while the next record would still fit', () =>
  fc.assert(
    fc.property(reading, ([start, steps, limit]) => {
      const whole = steps.filter(({ kind }) => kind !== 'cut');
      const { batches } = read(start, whole, limit);
      for (const [index, { records }] of batches.entries()) {
        const next = batches[index + 1]?.records.at(0);
        if (!next) continue;
        const bytes = [...records].reduce((sum, one) => sum + recordBytes(one), 0);
        assert.ok(records.length === limit.size || bytes + recordBytes(next) > limit.bytesMax);
      }
    }),
  ));

test('trimming leaves exactly what lies at or behind the position, and the rest of the range', () =>
  fc.assert(
    fc.property(reading, fc.nat(60), ([start, steps, limit], ahead) => {
      for (const batch of read(start, steps, limit).batches) {
        const position = start + BigInt(ahead);
        const trimmed = trimBatch(batch, position);
        const relation = relate(position, batch.range);
        if (relation === 'replayed') assert.equal(trimmed, undefined);
        else if (relation !== 'overlapping') assert.equal(trimmed, batch);
        else {
          assert.deepEqual(trimmed?.range, { ...batch.range, start: position });
          assert.deepEqual(
            [...trimmed.records],
            [...batch.records].filter((one) => one.offset >= position),
          );
        }
      }
    }),
  ));

test('a trimmed batch may hold no record and still covers its offsets', () => {
  const builder = new BatchBuilder(OF, 0n, { size: 10, bytesMax: 1e6 }, new ManualClock());
  builder.add(record(0n));
  builder.skipTo(5n);
  const batch = builder.cut();
  assert.ok(batch);
  const trimmed = trimBatch(batch, 3n);
  assert.deepEqual(trimmed?.range, { ...OF, start: 3n, end: 5n });
  assert.equal(trimmed.records.length, 0);
});

test('offsets without records belong to the open batch, and are one of their own when nothing else came', () => {
  const builder = new BatchBuilder(OF, 10n, { size: 10, bytesMax: 1e6 }, new ManualClock());
  assert.equal(builder.cut(), undefined);
  builder.skipTo(10n);
  assert.equal(builder.isOpen, false);
  builder.skipTo(11n);
  const empty = builder.cut();
  assert.deepEqual(empty?.range, { ...OF, start: 10n, end: 11n });
  assert.equal(empty.records.length, 0);
  builder.skipTo(12n);
  builder.add(record(13n));
  builder.skipTo(20n);
  builder.skipTo(15n);
  assert.deepEqual(builder.cut()?.range, { ...OF, start: 11n, end: 20n });
  assert.equal(builder.position, 20n);
});

test('a batch that was cut does not change when the builder goes on', () => {
  const builder = new BatchBuilder(OF, 0n, { size: 2, bytesMax: 1e6 }, new ManualClock());
  builder.add(record(0n));
  const batch = builder.cut();
  builder.add(record(1n));
  assert.equal(batch?.records.length, 1);
  assert.deepEqual([builder.count, builder.bytes], [1, recordBytes(record(1n))]);
});

test('why a batch is cut: its size before its bytes, and never before its first record', () => {
  const of = (size: number, bytesMax: number) =>
    new BatchBuilder(OF, 0n, { size, bytesMax }, new ManualClock());
  const big = record(1n, 5000);
  assert.equal(of(1, 1).isFullFor(big), false);
  const bySize = of(1, 1);
  bySize.add(record(0n));
  assert.equal(bySize.isFullFor(big), true);
  assert.equal(bySize.isFull, true);
  const byBytes = of(9, 1000);
  byBytes.add(record(0n));
  assert.equal(byBytes.isFull, false);
  assert.equal(byBytes.isFullFor(big), true);
  assert.equal(byBytes.isFullFor(record(1n)), false);
});

test('a batch is opened by its first record and touched by each', () => {
  const clock = new ManualClock(5);
  const builder = new BatchBuilder(OF, 0n, { size: 9, bytesMax: 1e6 }, clock);
  clock.at(10);
  builder.add(record(0n));
  clock.at(20);
  builder.add(record(1n));
  assert.deepEqual([builder.openedAt, builder.lastAddedAt], [10, 20]);
  builder.cut();
  clock.at(30);
  builder.add(record(2n));
  assert.deepEqual([builder.openedAt, builder.lastAddedAt], [30, 30]);
});

test('a record whose offset was passed already is refused, not written twice', () => {
  const builder = new BatchBuilder(OF, 5n, { size: 9, bytesMax: 1e6 }, new ManualClock());
  assert.throws(() => builder.add(record(4n)), { code: 'BUG' });
  builder.add(record(5n));
  assert.throws(() => builder.add(record(5n)), { code: 'BUG' });
  builder.skipTo(9n);
  assert.throws(() => builder.add(record(8n)), { code: 'BUG' });
  assert.equal(builder.count, 1);
});
