// Closing what was opened. Signals: stop-on-signals.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lifecycle } from '../../../pipeline/lifecycle.ts';

test('what was opened is closed in reverse, once', async () => {
  const closed: string[] = [];
  const lifecycle = new Lifecycle();
  for (const name of ['a', 'b', 'c'])
    lifecycle.add(name, {
      close: async () => {
        closed.push(name);
      },
    });
  await lifecycle.close();
  await lifecycle.close();
  assert.deepEqual(closed, ['c', 'b', 'a']);
});

test('a failure while closing does not keep the rest open, and the first one is thrown', async () => {
  const closed: string[] = [];
  const lifecycle = new Lifecycle();
  lifecycle.add('first', {
    close: async () => {
      closed.push('first');
    },
  });
  for (const name of ['second', 'third'])
    lifecycle.add(name, { close: () => Promise.reject(new Error(name)) });
  await assert.rejects(lifecycle.close(), /third/);
  assert.deepEqual(closed, ['first']);
});
