// The encoder as something that is opened, used by several at once, aborted and closed; and what it refuses to open with.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RowEncoder } from '../../../../clients/duckdb/row-encoder.ts';
import { isCode, Stopping } from '../../../../pipeline/errors.ts';
import type { Column } from '../../../../pipeline/table.ts';
import { batchOf, never, one, readParquet, tableOf, withEncoder } from './encoding.ts';

test('batches encoded at the same time do not meet, also when some need the exact way', async () => {
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    const encoded = await Promise.all(
      Array.from({ length: 8 }, (_, n) => {
        const lead = n % 2 ? '"a":"lost",' : '';
        return encoder.encodeFiles(
          batchOf(Array.from({ length: 500 }, (_, i) => `{${lead}"a":"${n}-${i}"}`)),
          never,
        );
      }),
    );
    for (const [n, { files }] of encoded.entries()) {
      const rows = await readParquet(files[0]?.path ?? '', one('string'));
      assert.deepEqual(
        rows.map((row) => row[4]),
        Array.from({ length: 500 }, (_, i) => `${n}-${i}`),
      );
    }
  });
});

test('files live until they are disposed of, and nothing is left after closing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'encoder-test-'));
  try {
    const table = tableOf(one('string'), 'json-gzip');
    const encoder = await RowEncoder.open({
      table,
      valueFormat: 'json',
      tombstones: 'skip',
      directory,
    });
    const encoded = await encoder.encodeFiles(batchOf(['{"a":1}', '{"a":"x","a":"y"}']), never);
    const [workspace = ''] = await readdir(directory);
    assert.match(workspace, new RegExp(`-${process.pid}-`));
    assert.equal((await readdir(join(directory, workspace))).length, 1);
    await encoded.dispose();
    await encoded.dispose();
    assert.deepEqual(await readdir(join(directory, workspace)), []);
    await encoder.close();
    await encoder.close();
    assert.deepEqual(await readdir(directory), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an aborted call throws the reason of the signal and leaves no file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'encoder-test-'));
  try {
    await withEncoder({ table: tableOf(one('string')), directory }, async (encoder) => {
      const controller = new AbortController();
      const values = Array.from({ length: 20_000 }, (_, i) => `{"a":"${i}"}`);
      const encoding = encoder.encodeFiles(batchOf(values), controller.signal);
      setImmediate(() => controller.abort(new Stopping('test')));
      await assert.rejects(encoding, Stopping);
      await assert.rejects(encoder.encodeRows(batchOf(values), controller.signal), Stopping);
      const [workspace = ''] = await readdir(directory);
      assert.deepEqual(await readdir(join(directory, workspace)), []);
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('an empty batch and a batch of rejects give no file', async () => {
  await withEncoder({ table: tableOf(one('string')) }, async (encoder) => {
    assert.deepEqual((await encoder.encodeFiles(batchOf([]), never)).files, []);
    const { files, rejects } = await encoder.encodeFiles(batchOf(['x', 'y']), never);
    assert.deepEqual([files.length, rejects.length], [0, 2]);
  });
});

test('columns that contradict each other are refused when the encoder opens', async () => {
  const refused = (columns: readonly Column[], dayFrom?: string) =>
    assert.rejects(
      RowEncoder.open({
        table: tableOf(columns, 'parquet', dayFrom),
        valueFormat: 'json',
        tombstones: 'skip',
      }),
      (error) => isCode(error, 'CONFIG_INVALID'),
    );
  await refused([...one('string'), { name: 'C', type: 'int', path: 'b' }]);
  await refused([{ name: 'Kafka_Offset', type: 'bigint', path: 'a' }]);
  await refused([{ name: 'dt', type: 'string', path: 'a' }]);
  await refused(one('bigint', '$'));
  await refused(one('string', 'a..b'));
  await refused(one('string'), 'c');
  await refused(one('string'), 'nobody');
});

test('a directory that cannot be written is named', async () => {
  const opening = RowEncoder.open({
    table: tableOf(one('string')),
    valueFormat: 'json',
    tombstones: 'skip',
    directory: '/nowhere/at/all',
  });
  await assert.rejects(
    opening,
    (error) => isCode(error, 'FILES_REJECTED') && /\/nowhere/.test(error.message),
  );
});
