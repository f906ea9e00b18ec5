// The fast way (raw bytes to DuckDB) and the exact way (record by record) must come to the same rows and the same rejects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RowEncoder, type RowValue } from '../../../../clients/duckdb/row-encoder.ts';
import type { Column } from '../../../../pipeline/table.ts';
import { ODD, topKeys, usual, wild } from './any-values.ts';
import {
  ALL_COLUMNS,
  asRead,
  batchOf,
  canonicalDouble,
  never,
  readParquet,
  tableOf,
} from './encoding.ts';

const RUNS = Number(process.env['KH_TEST_RUNS'] ?? 40);

async function compare(
  encoder: RowEncoder,
  columns: readonly Column[],
  values: (Buffer | null)[],
): Promise<void> {
  const batch = batchOf(values, (i) => (i % 7 === 3 ? -1 : 1_700_000_000_000 + i * 40_000_000));
  const exact = await encoder.encodeRows(batch, never);
  const files = await encoder.encodeFiles(batch, never);
  try {
    assert.deepEqual(files.rejects, exact.rejects);
    assert.equal(files.skipped, exact.skipped);
    const expected = Object.fromEntries(
      exact.groups.map((group) => [
        group.tablePartition,
        group.rows.map((row) => asRead(row, columns)),
      ]),
    );
    const found: Record<string, RowValue[][]> = {};
    for (const file of files.files) {
      const rows = await readParquet(file.path, columns);
      found[file.tablePartition] = rows.map((row) =>
        row.map((value, i) =>
          columns[i - 4]?.type === 'double' && typeof value === 'string'
            ? canonicalDouble(value)
            : value,
        ),
      );
    }
    assert.deepEqual(found, expected);
  } finally {
    await files.dispose();
  }
}

async function agree(
  columns: readonly Column[],
  values: fc.Arbitrary<(Buffer | null)[]>,
  dayFrom?: string,
): Promise<void> {
  const table = tableOf(columns, 'parquet', dayFrom);
  const encoder = await RowEncoder.open({ table, valueFormat: 'json', tombstones: 'write' });
  try {
    await fc.assert(
      fc.asyncProperty(values, (v) => compare(encoder, columns, v)),
      { numRuns: RUNS },
    );
  } finally {
    await encoder.close();
  }
}

test('both ways agree on every odd value under every column', async () => {
  const table = tableOf(ALL_COLUMNS);
  const encoder = await RowEncoder.open({ table, valueFormat: 'json', tombstones: 'write' });
  try {
    // One batch a value: DuckDB refuses a batch whole, and the exact way that follows would hide the other values.
    for (const json of ODD) {
      const values = topKeys.map((key) => Buffer.from(`{"${key}":${json}}`));
      await compare(encoder, ALL_COLUMNS, values);
    }
  } finally {
    await encoder.close();
  }
});

test('both ways give the same rows for values as they usually come', () =>
  agree(ALL_COLUMNS, usual));

test('both ways give the same rows whatever bytes a record holds', () => agree(ALL_COLUMNS, wild));

test('both ways agree on the day of an event time', () => agree(ALL_COLUMNS, usual, 'AT'));

test('both ways agree when columns overlap, take the whole value, or have keys that need quoting', () =>
  agree(
    [
      { name: 'place', type: 'string', path: 'location' },
      { name: 'city', type: 'string', path: 'location.city' },
      { name: 'whole', type: 'string', path: '$' },
      { name: 'odd', type: 'string', path: '"a.b"."\\u0000"' },
    ],
    wild,
  ));

test('both ways agree when a column takes the whole value beside others', () =>
  agree(
    [
      { name: 'order', type: 'string', path: 'id' },
      { name: 'group', type: 'bigint', path: '__proto__.likes' },
      { name: 'from', type: 'string', path: 'constructor' },
      { name: 'whole', type: 'string', path: '$' },
      { name: 'rest', type: 'string', path: '$rest' },
    ],
    wild,
  ));
