// Offset ranges: how one lies to a position, and how they print.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatRange, formatTopicPartition, relate } from '../../../pipeline/range.ts';

const offset = fc.bigInt(0n, 2n ** 63n - 1n);
const near = fc.bigInt(0n, 6n);
const range = fc
  .tuple(fc.oneof(offset, near), fc.oneof(offset, near))
  .map(([a, b]) => (a < b ? { start: a, end: b } : { start: b, end: a }));

test('a range lies to a position in exactly one way, told by what is left to be read', () =>
  fc.assert(
    fc.property(fc.oneof(offset, near), range, (position, { start, end }) => {
      const relation = relate(position, { start, end });
      if (relation === 'next') assert.equal(start, position);
      else if (relation === 'gap') assert.ok(start > position);
      else if (relation === 'replayed') assert.ok(start < position && end <= position);
      else assert.ok(start < position && position < end);
    }),
  ));

test('the four relations, at their edges', () => {
  const at = { start: 10n, end: 20n };
  assert.deepEqual(
    [9n, 10n, 11n, 19n, 20n, 21n].map((position) => relate(position, at)),
    ['gap', 'next', 'overlapping', 'overlapping', 'replayed', 'replayed'],
  );
});

test('an empty range is next where it stands and replayed behind it', () => {
  assert.deepEqual(
    [9n, 10n, 11n].map((position) => relate(position, { start: 10n, end: 10n })),
    ['gap', 'next', 'replayed'],
  );
});

test('ranges and topic partitions print in one form', () => {
  assert.equal(formatTopicPartition({ topic: 'posts', partition: 3 }), 'posts-3');
  assert.equal(formatRange({ topic: 'posts', partition: 3, start: 5n, end: 9n }), 'posts-3 [5, 9)');
});
