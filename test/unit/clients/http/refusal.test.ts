// What the refusals of HTTP services mean for a source.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { notBefore, refusal } from '../../../../clients/http/refusal.ts';

const NOW = Date.UTC(2026, 10, 22);
const headers = (given: Record<string, string>) => (name: string) => given[name];
const refused = (status: number, given: Record<string, string> = {}) =>
  refusal({ doing: 'read', status, header: headers(given), nowMs: NOW, hint: 'do this' });

suite('a refusal over HTTP', () => {
  test('is for good, with what to do, where asking again cannot help', () => {
    for (const status of [400, 401, 403, 404, 422]) {
      assert.equal(refused(status).code, 'SOURCE_REJECTED', `${status}`);
      assert.equal(refused(status).hint, 'do this');
    }
  });

  test('passes where the server is busy, broken or redirects to nowhere', () => {
    for (const status of [301, 408, 425, 429, 500, 503]) {
      assert.equal(refused(status).code, 'SOURCE_UNAVAILABLE', `${status}`);
    }
  });

  test('says when to come back: in seconds, at a date, at the end of the window', () => {
    const reset = new Date(NOW + 7000).toISOString();
    assert.equal(refused(429, { 'retry-after': '5' }).context['notBeforeMs'], NOW + 5000);
    const after = { 'retry-after': new Date(NOW + 9000).toUTCString(), 'x-ratelimit-reset': reset };
    assert.equal(notBefore(headers(after), NOW), NOW + 9000);
    assert.equal(notBefore(headers({ 'x-ratelimit-reset': reset }), NOW), NOW + 7000);
    assert.equal(notBefore(headers({ 'ratelimit-reset': '1800000000' }), NOW), 1_800_000_000_000);
    assert.equal(notBefore(headers({}), NOW), undefined);
    assert.equal(notBefore(headers({ 'retry-after': 'soon' }), NOW), undefined);
  });
});
