// How a ledger entry is written into a location. The ledger itself: test/servers/hive-insert-ledger.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readLocation, writeLocation } from '../../../consumer/metastore-ledger.ts';

const BASE = 'hdfs://nn:8020/warehouse/posts/_metastore_ledger/posts/0/17';

test('any content comes back from a location, which holds nothing but plain path characters', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => {
      const location = writeLocation(BASE, 'end-20_rows-3', Buffer.from(bytes));
      const path = location.slice(BASE.length);
      assert.match(path, /^[A-Za-z0-9_/-]*$/);
      for (const name of path.split('/')) assert.ok(name.length <= 255);
      assert.deepEqual(readLocation(location), Buffer.from(bytes));
    }),
  );
});

test('a base that looks like the mark does not hide the content', () => {
  const base = `${BASE}/entry-v1/entry-v1`;
  assert.deepEqual(readLocation(writeLocation(base, 'label', Buffer.from('x'))), Buffer.from('x'));
});

test('a location that is none of ours, or was cut, has no content', () => {
  assert.equal(readLocation(BASE), undefined);
  const location = writeLocation(BASE, 'label', Buffer.from('some content that is compressed'));
  assert.equal(readLocation(location.slice(0, -8)), undefined);
});
