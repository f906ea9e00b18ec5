// The pauses that X asks for.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type FailureKind, ReconnectBackoff } from '../../../../clients/twitter/backoff.ts';

function pauses(kind: FailureKind, count: number): number[] {
  const backoff = new ReconnectBackoff();
  return Array.from({ length: count }, () => backoff.pauseAfter(kind, 0));
}

suite('back-off of X', () => {
  test('network errors wait 250 ms more each time, up to 16 s', () => {
    assert.deepEqual(pauses('network', 3), [250, 500, 750]);
    assert.equal(pauses('network', 100).at(-1), 16_000);
  });

  test('HTTP errors wait 5 s, doubled up to 320 s', () => {
    assert.deepEqual(
      pauses('http', 8),
      [5, 10, 20, 40, 80, 160, 320, 320].map((s) => s * 1000),
    );
  });

  test('too many requests wait 60 s, doubled, and never less than until the reset', () => {
    assert.deepEqual(pauses('rate-limit', 3), [60_000, 120_000, 240_000]);
    const backoff = new ReconnectBackoff();
    assert.equal(backoff.pauseAfter('rate-limit', 1000, 901_000), 900_000);
    assert.equal(backoff.pauseAfter('rate-limit', 901_000, 902_000), 120_000);
  });

  test('a reset that is years away, or over, is a wrong clock: 15 minutes at most, the usual pause at least', () => {
    const [now, year] = [1_763_000_000_000, 365 * 86_400_000];
    assert.equal(new ReconnectBackoff().pauseAfter('rate-limit', now, now + year), 900_000);
    assert.equal(new ReconnectBackoff().pauseAfter('rate-limit', now, now - year), 60_000);
  });

  test('another kind of failure, or a proven connection, starts anew', () => {
    const backoff = new ReconnectBackoff();
    backoff.pauseAfter('http', 0);
    assert.equal(backoff.pauseAfter('http', 0), 10_000);
    assert.equal(backoff.pauseAfter('network', 0), 250);
    assert.equal(backoff.pauseAfter('http', 0), 5000);
    backoff.reset();
    assert.equal(backoff.pauseAfter('http', 0), 5000);
  });
});
