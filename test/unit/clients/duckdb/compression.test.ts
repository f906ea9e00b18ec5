// The compression of a format is in its files, and a format nobody knows is refused before anything starts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { paramsSchema } from '../../../../params/schema.ts';
import { batchOf, never, one, tableOf, withEncoder } from './encoding.ts';

const VALUES = Array.from({ length: 200 }, (_, index) => JSON.stringify({ a: `text ${index}` }));

async function fileOf<T>(format: 'parquet' | 'json-gzip', use: (path: string) => T): Promise<T> {
  return withEncoder({ table: tableOf(one('string'), format) }, async (encoder) => {
    const { files } = await encoder.encodeFiles(batchOf(VALUES), never);
    return await use(files[0]?.path ?? '');
  });
}

test('W09: a Parquet file says that its columns are compressed with zstd', async () => {
  const codecs = await fileOf('parquet', async (path) => {
    const duck = await (await DuckDBInstance.create()).connect();
    const sql = `SELECT DISTINCT compression FROM parquet_metadata('${path}')`;
    return (await duck.runAndReadAll(sql)).getRows();
  });
  assert.deepEqual(codecs, [['ZSTD']]);
});

test('W09: gzip JSON Lines are named and written as gzip', async () => {
  const [path, magic] = await fileOf('json-gzip', (file) => [file, readFileSync(file)] as const);
  assert.match(path, /\.json\.gz$/);
  assert.equal(magic.readUInt16BE(0), 0x1f8b);
});

test('W09: a format that does not exist is refused by the settings, with those that do', () => {
  const { error } = paramsSchema.safeParse({ table: { format: 'json-lzo' } });
  assert.match(String(error?.message), /json-gzip/);
  assert.deepEqual(error?.issues[0]?.path, ['table', 'format']);
});
