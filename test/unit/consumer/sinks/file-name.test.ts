// Names of placed files: they sort as offsets do, are seen by Hive, and fit into a directory.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatFileName, parseFileName } from '../../../../consumer/sinks/file-name.ts';

const topics = fc
  .string({ unit: fc.constantFrom(...'abzAZ09._-'), minLength: 1, maxLength: 249 })
  .filter((topic) => topic !== '.' && topic !== '..');
const ranges = fc
  .record({
    topic: topics,
    partition: fc.nat(99_999),
    start: fc.bigInt({ min: 0n, max: 2n ** 63n - 10_000n }),
  })
  .map((range) => ({ ...range, end: range.start + 1000n }));
const formats = fc.constantFrom('parquet' as const, 'json' as const, 'json-gzip' as const);

describe('file names', () => {
  test('a name looks like this', () => {
    const range = { topic: 'my.topic_a-b', partition: 12, start: 0n, end: 10_000n };
    assert.equal(
      formatFileName(range, 'json-gzip'),
      'my.topic_a-b+12+0000000000000000000+0000000000000010000.json.gz',
    );
  });

  test('a name gives back what it was made from, for topics that fit', () => {
    fc.assert(
      fc.property(ranges, formats, (range, format) => {
        fc.pre(range.topic.length < 190);
        const parsed = parseFileName(formatFileName(range, format));
        assert.deepEqual(parsed && { ...parsed, extension: undefined }, {
          ...range,
          extension: undefined,
        });
      }),
    );
  });

  test('every name is at most 255 bytes long and begins neither with _ nor with a dot', () => {
    fc.assert(
      fc.property(ranges, formats, (range, format) => {
        const name = formatFileName(range, format);
        assert.ok(name.length <= 255, name);
        assert.doesNotMatch(name, /^[_.]/);
        assert.notEqual(parseFileName(name), undefined);
      }),
    );
  });

  test('two long topics that begin alike have different names', () => {
    const name = (end: string) =>
      formatFileName(
        { topic: `${'x'.repeat(240)}${end}`, partition: 0, start: 0n, end: 1n },
        'json',
      );
    assert.notEqual(name('a'), name('b'));
  });

  test('names of one topic partition sort as their offsets do', () => {
    const name = (start: bigint) =>
      formatFileName({ topic: 't', partition: 0, start, end: start + 1n }, 'parquet');
    fc.assert(
      fc.property(fc.uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 62n })), (starts) => {
        const byNumber = [...starts].sort((a, b) => (a < b ? -1 : 1)).map(name);
        assert.deepEqual(starts.map(name).sort(), byNumber);
      }),
    );
  });

  test('names of others are none of ours', () => {
    for (const name of ['000000_0', 'abcd', 't+0+1+2.parquet', '_SUCCESS', 't+0+0+0.parquet.tmp']) {
      assert.equal(parseFileName(name), undefined, name);
    }
  });
});
