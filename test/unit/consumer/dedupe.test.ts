// What repeats what: ids as they are written, a window of offsets, and a memory that agrees with the rule.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { idReader, Repeats, repeatsBy } from '../../../consumer/dedupe.ts';
import { IdWindow } from '../../../consumer/id-window.ts';
import { isCode } from '../../../pipeline/errors.ts';
import type { PipelineRecord } from '../../../pipeline/record.ts';
import { eventually } from '../../support/eventually.ts';

const record = (value: string | null, key: string | null = null, offset = 0): PipelineRecord => ({
  offset: BigInt(offset),
  timestamp: 0,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
  headers: undefined,
});

test('an id is a text or a number at the path, as it is written', () => {
  const idOf = idReader('post.id');
  const id = (json: string) => idOf(record(`{"post":{"id":${json}}}`));
  assert.equal(id('"a\\u0062"'), id('"ab"'));
  assert.notEqual(id('1'), id('"1"'));
  assert.notEqual(id('9007199254740993'), id('9007199254740992'), 'digits beyond 2^53 count');
  for (const none of ['""', 'null', 'true', '{}', '[1]']) assert.equal(id(none), undefined, none);
  for (const value of [null, '', 'no json', '{"id":1}', '[1]', '"post"']) {
    assert.equal(idOf(record(value)), undefined, String(value));
  }
});

test('$key takes the key, whatever the value is, and no key is no id', () => {
  const idOf = idReader('$key');
  assert.deepEqual(idOf(record(null, 'k')), Buffer.from('k'));
  assert.equal(idOf(record('{}', '')), undefined);
  assert.equal(idOf(record('{}')), undefined);
});

test('a path that is none is refused before anything is opened', () => {
  assert.throws(
    () => repeatsBy({ by: 'a..b', window: 1 }),
    (e) => isCode(e, 'CONFIG_INVALID'),
  );
});

test('a record repeats one that stands at most the window before it, also when that was a repeat', () => {
  const repeats = new Repeats(idReader('$key'), 10);
  const judge = (offset: number) => repeats.isRepeat(record('{}', 'same', offset));
  assert.deepEqual([0, 10, 20, 31, 32].map(judge), [false, true, true, false, true]);
  assert.equal(repeats.isRepeat(record('{}', null, 33)), false);
  assert.equal(repeats.isRepeat(record('{}', null, 34)), false);
});

test('the window remembers exactly what the rule says, for any ids, holes and lengths', () => {
  const step = fc.record({
    id: fc.integer({ min: 0, max: 30 }),
    gap: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(step, { maxLength: 200 }),
      (length, steps) => {
        const ids = new IdWindow(length);
        const latest = new Map<number, bigint>();
        let offset = 0n;
        for (const { id, gap } of steps) {
          offset += BigInt(gap);
          const before = latest.get(id);
          const expected = before !== undefined && before >= offset - BigInt(length);
          assert.equal(ids.add(`${id}`, offset), expected);
          latest.set(id, offset);
        }
      },
    ),
  );
});

test('the memory of a window does not grow with what has passed through it', async () => {
  setFlagsFromString('--expose_gc');
  const collectGarbage = runInNewContext('gc');
  const ids = new IdWindow(100_000);
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  for (let at = 0n; at < 400_000n; at += 1n) assert.equal(ids.add(`${at}`, at), false);
  // What was collected is given back by another thread.
  await eventually(() => {
    collectGarbage();
    const megabytes = (process.memoryUsage().arrayBuffers - before) / 1e6;
    assert.ok(megabytes < 7, `${megabytes} MB`);
  }, 10_000);
  assert.equal(ids.add('300000', 400_000n), true);
  assert.equal(ids.add('299999', 400_001n), false);
});
