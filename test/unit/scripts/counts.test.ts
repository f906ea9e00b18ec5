// How results of test files become the last line of `npm test`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countFile, formatCounts, isGood, NOTHING, sum } from '../../../scripts/testing/counts.ts';

const ended = { code: 0, cutShort: undefined };
const lines = (...entries: object[]) =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

test('passed, failed and skipped tests are summed over files', () => {
  const one = countFile(
    'a',
    lines({ name: 'x', result: 'pass' }, { name: 'y', result: 'skip' }),
    ended,
  );
  const two = countFile('b', lines({ name: 'z', result: 'fail', reason: 'no' }), {
    ...ended,
    code: 1,
  });
  const all = sum([one, two]);
  assert.equal(formatCounts(all), '1 passed, 1 failed, 1 skipped');
  assert.deepEqual(all.failures, [{ where: 'b', name: 'z', reason: 'no' }]);
  assert.equal(isGood(all), false);
  assert.equal(isGood(one), true);
});

test('the last line names no skipped tests when there are none', () => {
  assert.equal(formatCounts({ ...NOTHING, passed: 3 }), '3 passed, 0 failed');
});

test('a run without any passed test is not good', () => {
  assert.equal(isGood(NOTHING), false);
});

test('a file that holds no test has failed', () => {
  assert.match(countFile('a', '', ended).failures[0]?.reason ?? '', /holds no test/);
});

test('a file that ends with an error outside of its tests has failed', () => {
  const counts = countFile('a', lines({ name: 'x', result: 'pass' }), { ...ended, code: 7 });
  assert.equal(counts.passed, 1);
  assert.match(counts.failures[0]?.reason ?? '', /exit code 7/);
});

test('a hung file has failed, and the test it hung in is named', () => {
  const counts = countFile('a', lines({ running: 'first' }, { running: 'waits for ever' }), {
    code: undefined,
    cutShort: 'no end after 600 s',
  });
  assert.equal(counts.failures[0]?.reason, 'no end after 600 s, in: waits for ever');
});
