// The address metrics are served at.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricsEndpoint } from '../../../monitor/endpoint.ts';
import { createMetrics } from '../../../monitor/metrics.ts';
import { isCode } from '../../../pipeline/errors.ts';

test('metrics and liveness are served on loopback, and nothing else', async (t) => {
  const endpoint = await MetricsEndpoint.open(0, createMetrics());
  t.after(() => endpoint.close());
  assert.match(endpoint.url, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  const metrics = await fetch(endpoint.url);
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=/);
  assert.match(await metrics.text(), /^process_resident_memory_bytes \d+/m);
  const at = (path: string) => new URL(path, endpoint.url);
  assert.equal(await (await fetch(at('/livez'))).text(), 'ok\n');
  assert.equal((await fetch(at('/else'))).status, 404);
  assert.equal((await fetch(endpoint.url, { method: 'POST' })).status, 404);
});

test('a port that is taken is told with the setting that chooses it', async (t) => {
  const first = await MetricsEndpoint.open(0, createMetrics());
  t.after(() => first.close());
  const port = Number(new URL(first.url).port);
  await assert.rejects(MetricsEndpoint.open(port, createMetrics()), (error) => {
    assert.ok(isCode(error, 'CONFIG_INVALID'));
    assert.match((error as Error).message, /EADDRINUSE/);
    return true;
  });
});
