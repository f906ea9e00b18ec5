// Where a reader of Jetstream asks again, and when it knows that something is missing.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { JetstreamPosition } from '../../../../producer/sources/jetstream-position.ts';

const SECOND = 1_000_000;
const NOW = 1_795_000_000 * SECOND;
const REWIND = { sameHostMs: 5000, otherHostMs: 30_000 };

suite('position in Jetstream', () => {
  test('without a cursor it asks from now on, and nothing is missing', () => {
    const position = new JetstreamPosition(undefined, REWIND);
    assert.equal(position.startAt('a'), undefined);
    assert.equal(position.missingBefore('a', NOW), undefined);
  });

  test('the same host is asked from a little before, another one from further back', () => {
    const position = new JetstreamPosition({ hosts: { a: NOW } }, REWIND);
    assert.equal(position.startAt('a'), NOW - 5 * SECOND);
    assert.equal(position.startAt('b'), NOW - 30 * SECOND);
  });

  test('going to and fro between hosts never moves the start back', () => {
    const position = new JetstreamPosition({ hosts: { a: NOW } }, REWIND);
    for (let turn = 0; turn < 20; turn += 1) {
      const host = turn % 2 === 0 ? 'b' : 'a';
      const start = position.startAt(host) ?? 0;
      assert.ok(start >= NOW - 30 * SECOND, `turn ${turn}`);
      position.moveTo(host, start + SECOND);
    }
  });

  test('an older event of the same host does not move the cursor', () => {
    const position = new JetstreamPosition({ hosts: { a: NOW } }, REWIND);
    const { cursor } = position;
    assert.equal(position.moveTo('a', NOW - SECOND), false);
    assert.equal(position.cursor, cursor);
    assert.equal(position.moveTo('a', NOW + 1), true);
    assert.deepEqual(position.cursor, { hosts: { a: NOW + 1 } });
  });

  test('a start behind the event read last is a gap; of another host only beyond the doubt', () => {
    const position = new JetstreamPosition({ hosts: { a: NOW } }, REWIND);
    assert.equal(position.missingBefore('a', NOW), undefined);
    assert.deepEqual(position.missingBefore('a', NOW + 1), { fromUs: NOW, toUs: NOW + 1 });
    assert.equal(position.missingBefore('b', NOW + 30 * SECOND), undefined);
    const toUs = NOW + 31 * SECOND;
    assert.deepEqual(position.missingBefore('b', toUs), { fromUs: NOW, toUs });
  });
});
