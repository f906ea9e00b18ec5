// The size of a record in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RecordHeaders, recordBytes } from '../../../pipeline/record.ts';

test('the size of a record counts bytes of key, value and headers, and a share for the record itself', () => {
  const bytes = (key: string | null, value: string | null, headers?: RecordHeaders) =>
    recordBytes({
      offset: 0n,
      timestamp: 0,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers,
    });
  const empty = bytes(null, null);
  assert.ok(empty > 0, 'a million tombstones take memory too');
  assert.equal(bytes('ab', null), empty + 2);
  assert.equal(bytes(null, '🚀'), empty + 4);
  assert.equal(bytes('', ''), empty);
  const trace = [Buffer.alloc(3000), Buffer.alloc(2000)];
  assert.ok(bytes(null, null, { trace }) >= empty + 5000, 'headers are held too');
});
