// What `--from` may say, and what is wrong with what it may not say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStartPoint } from '../../../params/start-point.ts';

test('words, offsets, offsets by partition and spans', () => {
  assert.deepEqual(parseStartPoint('stored'), { kind: 'stored' });
  assert.deepEqual(parseStartPoint('beginning'), { kind: 'beginning' });
  assert.deepEqual(parseStartPoint('end'), { kind: 'end' });
  const offset = 2n ** 63n - 1n;
  assert.deepEqual(parseStartPoint(`${offset}`), { kind: 'offset', offset });
  const offsets = new Map([
    [0, 5n],
    [12, 9_007_199_254_740_993n],
  ]);
  assert.deepEqual(parseStartPoint('0:5,12:9007199254740993'), { kind: 'offsets', offsets });
  for (const [text, ms] of [
    ['-90s', 90_000],
    ['-5m', 300_000],
    ['-2h', 7_200_000],
    ['-1d', 86_400_000],
  ] as const) {
    assert.deepEqual(parseStartPoint(text), { kind: 'ago', ms });
  }
});

test('a time is the same moment on every machine', () => {
  for (const text of [
    '2026-11-21T10:00:00Z',
    '2026-11-21T10:00Z',
    '2026-11-21T10:00:00.000Z',
    '2026-11-21T12:00:00+02:00',
    '2026-11-21T05:00-05:00',
  ]) {
    assert.deepEqual(parseStartPoint(text), { kind: 'time', ms: Date.UTC(2026, 10, 21, 10) }, text);
  }
  assert.deepEqual(parseStartPoint('2026-11-21'), { kind: 'time', ms: Date.UTC(2026, 10, 21) });
});

test('what is wrong is said', () => {
  for (const [text, words] of [
    ['2026-11-21T10:00:00', /needs its zone: 2026-11-21T10:00:00Z/],
    ['2026-02-30', /ISO time/],
    ['2026-13-01T00:00:00Z', /ISO time/],
    ['2026-11-21T25:00:00Z', /ISO time/],
    ['2026-11-21 10:00:00Z', /ISO time/],
    ['2026-11-21T10:00:00+25:00', /ISO time/],
    ['0:1,00:2', /twice/],
    ['yesterday', /expected stored/],
    ['-2w', /expected stored/],
    ['0:', /expected stored/],
    ['', /expected stored/],
  ] as const) {
    const found = parseStartPoint(text);
    assert.ok(typeof found === 'string', text);
    assert.match(found, words);
  }
});
