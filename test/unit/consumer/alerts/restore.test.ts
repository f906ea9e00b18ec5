// Where an input is read from after a restart: what was committed beside its offset, and what the log still holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatNote, parseNote } from '../../../../consumer/alerts/position-note.ts';
import { restore } from '../../../../consumer/alerts/restore.ts';
import { isCode } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';

const of = { topic: 'weather', partition: 1 };
const NEVER = Number.NEGATIVE_INFINITY;
const note = { watermark: 1000, closed: 900, oldest: 15n };
const committed = { offset: 20n, metadata: formatNote(note) };
const kept = (logStart: bigint, highWatermark = 30n) => ({ logStart, highWatermark });

test('a note comes back as it was committed, also before anything was read', () => {
  for (const one of [note, { watermark: NEVER, closed: NEVER, oldest: 2n ** 60n }]) {
    assert.deepEqual(parseNote(formatNote(one), of, 20n), one);
  }
});

test('an offset that a person has set begins afresh there; a note of another program is POSITION_CORRUPT', () => {
  assert.deepEqual(parseNote('', of, 20n), { watermark: NEVER, closed: NEVER, oldest: 20n });
  for (const text of ['15 a1b2', '{}', '{"watermark":"x","closed":null,"oldest":"1"}']) {
    assert.throws(
      () => parseNote(text, of, 20n),
      (error) => isCode(error, 'POSITION_CORRUPT') && error.message.includes('weather-1'),
    );
  }
});

test('a group that has committed nothing begins at the log start', () => {
  const fresh = { watermark: NEVER, closed: NEVER, oldest: 7n };
  const restored = restore(of, undefined, kept(7n), 'stop', silentLog);
  assert.deepEqual(restored, { position: 7n, note: fresh });
});

test('reading begins at the oldest record of an open window', () => {
  assert.deepEqual(restore(of, committed, kept(15n), 'stop', silentLog), { position: 20n, note });
});

test('a position behind the end of the log is POSITION_BEYOND_END', () => {
  assert.throws(
    () => restore(of, committed, kept(0n, 19n), 'stop', silentLog),
    (error) => isCode(error, 'POSITION_BEYOND_END'),
  );
});

test('O03: what is gone stops with its range, or is passed over as the setting says', () => {
  for (const [logStart, range] of [
    [18n, '[15, 18)'],
    [25n, '[15, 25)'],
  ] as const) {
    assert.throws(
      () => restore(of, committed, kept(logStart), 'stop', silentLog),
      (error) => isCode(error, 'POSITION_GAP') && error.message.includes(range),
    );
  }
  const at = (logStart: bigint, onGap: 'earliest' | 'latest') => {
    const restored = restore(of, committed, kept(logStart), onGap, silentLog);
    return [restored.position, restored.note.oldest];
  };
  // Only records of open windows are gone: no alert is left out.
  assert.deepEqual(at(18n, 'earliest'), [20n, 18n]);
  assert.deepEqual(at(18n, 'latest'), [20n, 18n]);
  assert.deepEqual(at(25n, 'earliest'), [25n, 25n]);
  assert.deepEqual(at(25n, 'latest'), [30n, 30n]);
});
