// The probe of a start leaves nothing behind, whether it succeeds, fails or dies.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FileSystem } from '../../../../clients/files/file-system.ts';
import { LocalFiles } from '../../../../clients/files/local.ts';
import { probeWriting, sweepProbes } from '../../../../consumer/sinks/write-probe.ts';

const root = mkdtempSync(join(tmpdir(), 'kafka-hive-probe-'));
after(() => rmSync(root, { recursive: true, force: true }));
const { signal } = new AbortController();
const files = new LocalFiles();
const left = () => readdirSync(join(root, '_staging/_probe'));

/** Does the first half of every create, and fails. */
const halfway: FileSystem = Object.assign(Object.create(files), {
  create: async (path: string, body: Buffer) => {
    await files.create(path, body, signal);
    throw new Error('no DataNode');
  },
});

test('a probe leaves nothing, and neither does one that failed when the name was taken', async () => {
  await probeWriting(files, root, 1000, signal);
  assert.deepEqual(left(), []);
  await assert.rejects(probeWriting(halfway, root, 1000, signal), /no DataNode/);
  assert.deepEqual(left(), []);
});

test('what a start left that died is swept once it is older than any probe takes', async () => {
  await files.create(`${root}/_staging/_probe/1000-dead`, Buffer.from('probe'), signal);
  await files.create(`${root}/_staging/_probe/50000-young`, Buffer.from('probe'), signal);
  await files.create(`${root}/_staging/_probe/nameless`, Buffer.from('probe'), signal);
  await sweepProbes(files, root, 70_000, signal);
  assert.deepEqual(left(), ['50000-young']);
});

test('what is staged for a topic called _probe is no probe', async () => {
  await files.create(`${root}/_staging/_probe/0/17/attempt/day.parquet`, Buffer.from('x'), signal);
  await sweepProbes(files, root, 200_000, signal);
  assert.deepEqual(left(), ['0']);
});
