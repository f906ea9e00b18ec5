// Records that are held as bytes: each is as it came, and what they were cut out of is not kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PackedRecords } from '../../../pipeline/packed-records.ts';
import type { PipelineRecord } from '../../../pipeline/record.ts';

const part = fc.option(fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)));
const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
const headers = fc.dictionary(fc.string(), fc.array(bytes, { maxLength: 3 }), {
  noNullPrototype: true,
});
const records: fc.Arbitrary<PipelineRecord[]> = fc.array(
  fc.record(
    {
      offset: fc.bigInt(0n, 2n ** 63n - 1n),
      timestamp: fc.integer({ min: -1, max: 8.64e15 }),
      ...{ key: part, value: part },
      headers: fc.option(headers, { nil: undefined }),
    },
    { noNullPrototype: true },
  ),
  { maxLength: 40 },
);

test('packed records are those that were packed, in their order: null stays null, empty stays empty', () =>
  fc.assert(
    fc.property(records, (all) => {
      const packed = PackedRecords.of(all);
      assert.equal(packed.length, all.length);
      assert.deepEqual([...packed], all);
      for (const index of [0, 1, all.length - 1, all.length, -1, -2, -all.length - 1]) {
        assert.deepEqual(packed.at(index), all.at(index), `at ${index}`);
      }
    }),
  ));

test('records may be read while more are added, and one that is larger than a piece of memory fits', () => {
  const packed = new PackedRecords();
  const sizes = [10, 4000, 300_000, 5, 262_144 - 28, 1, 2_000_000];
  for (const [index, size] of sizes.entries()) {
    const value = Buffer.alloc(size, index + 1);
    packed.add({ offset: BigInt(index), timestamp: 0, key: null, value, headers: undefined });
    assert.deepEqual(packed.at(-1)?.value, value);
  }
  const found = [...packed].map(({ value }) => [value?.length, value?.[0], value?.at(-1)]);
  assert.deepEqual(
    found,
    sizes.map((size, index) => [size, index + 1, index + 1]),
  );
});

test('a few records of a large fetch do not keep all of it in memory', () => {
  const answer = Buffer.alloc(1024 * 1024, 'abcdefg');
  const values = [answer.subarray(100, 140), answer.subarray(500_001, 500_060)];
  const packed = PackedRecords.of(
    values.map((value, offset) => {
      return { offset: BigInt(offset), timestamp: 0, key: null, value, headers: undefined };
    }),
  );
  answer.fill(0);
  const kept = new Set([...packed].map(({ value }) => value?.buffer.byteLength));
  assert.deepEqual([...kept], [2 * (28 + 40), 2 * 2 * (28 + 40)]);
  assert.deepEqual(
    [...packed].map(({ value }) => value?.toString().slice(0, 3)),
    ['cde', 'fga'],
  );
});
