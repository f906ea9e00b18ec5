// The memory that recognises a repeated post.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecentIds } from '../../../producer/recent-ids.ts';

test('recent ids: recognises the last ones and forgets the one not seen for longest', () => {
  const recent = new RecentIds(2);
  assert.ok(recent.isNew('a'));
  assert.ok(recent.isNew('b'));
  assert.ok(!recent.isNew('a'));
  assert.ok(recent.isNew('c'));
  assert.ok(!recent.isNew('a'));
  assert.ok(recent.isNew('b'));
  assert.equal(recent.size, 2);
});
