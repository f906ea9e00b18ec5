// Every failure case of test/cases.json that applies is shown by a test that names it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { idsIn, readCases, testsByCase } from '../../../scripts/cases.ts';

const ROOT = join(import.meta.dirname, '../../..');

test('ids stand before the colon of a title, alone or as a range', () => {
  assert.deepEqual(idsIn('Z01 T01-T04: killed after each step'), [
    'Z01',
    'T01',
    'T02',
    'T03',
    'T04',
  ]);
  assert.deepEqual(idsIn('a record of W01 is no case'), []);
});

test('every case that applies has a test that names it', () => {
  const tests = testsByCase(ROOT);
  const missing = readCases(ROOT)
    .filter(({ id, doesNotApply }) => !doesNotApply && !tests.has(id))
    .map(({ id }) => id);
  assert.deepEqual(missing, []);
});

test('a case that does not apply has no test, and no title names a case that is not listed', () => {
  const cases = new Map(readCases(ROOT).map((one) => [one.id, one]));
  const stray = [...testsByCase(ROOT).keys()].filter(
    (id) => !cases.has(id) || cases.get(id)?.doesNotApply !== undefined,
  );
  assert.deepEqual(stray, []);
});
