// The axis of time has a step that fits what is shown.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stepFor } from '../../../report/views.ts';

test('any span up to thirty years has at most some hundred points', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 * 365 * 86_400 }), (span) => {
      assert.ok(span / stepFor(span).seconds <= 370);
    }),
  );
  assert.deepEqual(
    [600, 86_400, 14 * 86_400, 365 * 86_400].map((span) => stepFor(span).name),
    ['minute', '15 minutes', 'hour', 'day'],
  );
});
