// Which JSON values each column type takes, what they become, and which are rejected.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RowValue } from '../../../../clients/duckdb/row-encoder.ts';
import type { Column } from '../../../../pipeline/table.ts';
import { batchOf, never, one, tableOf, withEncoder } from './encoding.ts';

/** What becomes of each JSON text under one column named `c` with path `a`: its value, or the code of the reject. */
async function under(
  type: Column['type'],
  values: readonly string[],
): Promise<(RowValue | undefined)[]> {
  return withEncoder({ table: tableOf(one(type)) }, async (encoder) => {
    const batch = batchOf(values.map((value) => `{"a":${value}}`));
    const encoded = await encoder.encodeRows(batch, never);
    const byOffset = new Map(encoded.groups.flatMap((g) => g.rows).map((row) => [row[2], row[4]]));
    const rejected = new Map(encoded.rejects.map((r) => [String(r.record.offset), r.code]));
    return values.map(
      (_, i) => byOffset.get(String(100 + i)) ?? rejected.get(String(100 + i)) ?? null,
    );
  });
}

test('a bigint is exact over its whole range, and anything else that is no whole number is rejected', async () => {
  const fits = [
    '9007199254740993',
    '"9007199254740993"',
    '9223372036854775807',
    '-9223372036854775808',
    '1e3',
    '1.0',
    '"007"',
  ];
  assert.deepEqual(await under('bigint', fits), [
    '9007199254740993',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
    '1000',
    '1',
    '7',
  ]);
  const not = [
    '9223372036854775808',
    '-9223372036854775809',
    '1.5',
    '1e30',
    '"x"',
    '""',
    'true',
    '[1]',
    '{}',
    '"1_000"',
  ];
  assert.deepEqual(
    await under('bigint', not),
    not.map(() => 'CODEC_COLUMN'),
  );
});

test('an int holds 32 bits', async () => {
  assert.deepEqual(await under('int', ['2147483647', '-2147483648', '2147483648', '-2147483649']), [
    '2147483647',
    '-2147483648',
    'CODEC_COLUMN',
    'CODEC_COLUMN',
  ]);
});

test('a double takes finite numbers and the three names of the others, but no number out of range', async () => {
  assert.deepEqual(
    await under('double', [
      '1.5',
      '-0',
      '"NaN"',
      '"-Infinity"',
      '"2.5"',
      '1e400',
      '"1e400"',
      'true',
      '"x"',
    ]),
    [
      '1.5',
      '0',
      'NaN',
      '-Infinity',
      '2.5',
      'CODEC_COLUMN',
      'CODEC_COLUMN',
      'CODEC_COLUMN',
      'CODEC_COLUMN',
    ],
  );
});

test('a timestamp is ISO 8601 or milliseconds, in UTC, to the microsecond', async () => {
  const fits = [
    '"2024-02-29T12:34:56Z"',
    '"2024-02-29T00:30:00+02:00"',
    '"2024-02-29 12:34:56.5"',
    '"2024-02-29T12:34:56.123456"',
    '"2024-02-29T12:34:56.1234569Z"',
    '"2024-02-29"',
    '1709210096123',
    '-1',
    '"0001-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59.999Z"',
  ];
  assert.deepEqual(await under('timestamp', fits), [
    '2024-02-29 12:34:56.000',
    '2024-02-28 22:30:00.000',
    '2024-02-29 12:34:56.500',
    '2024-02-29 12:34:56.123456',
    '2024-02-29 12:34:56.123456',
    '2024-02-29 00:00:00.000',
    '2024-02-29 12:34:56.123',
    '1969-12-31 23:59:59.999',
    '0001-01-01 00:00:00.000',
    '9999-12-31 23:59:59.999',
  ]);
  const not = [
    '"2023-02-29T00:00:00Z"',
    '"2024-13-01T00:00:00Z"',
    '"2024-01-01T24:00:00Z"',
    '"2024-01-01T00:00:60Z"',
    '"0001-01-01T00:00:00+01:00"',
    '"0000-01-01T00:00:00Z"',
    '253402300800000',
    '1.5',
    '""',
    '"now"',
    '"1709210096123"',
    'true',
    '[]',
  ];
  assert.deepEqual(
    await under('timestamp', not),
    not.map(() => 'CODEC_COLUMN'),
  );
});

test('a date is a day that exists, a boolean true or false', async () => {
  assert.deepEqual(
    await under('date', [
      '"2024-02-29"',
      '"2023-02-29"',
      '"2024-2-1"',
      '"2024-02-29T00:00:00Z"',
      '20240229',
    ]),
    ['2024-02-29', ...Array(4).fill('CODEC_COLUMN')],
  );
  assert.deepEqual(await under('boolean', ['true', '"false"', '1', '"TRUE"', '["true"]']), [
    'true',
    'false',
    ...Array(3).fill('CODEC_COLUMN'),
  ]);
});

test('an array of strings takes scalars as their JSON text and nothing that is nested', async () => {
  assert.deepEqual(
    await under('array<string>', ['["a",null,1.0,true,""]', '[]', '"a"', '{}', '[[]]', '[{}]']),
    [['a', null, '1.0', 'true', ''], [], ...Array(4).fill('CODEC_COLUMN')],
  );
});

test('a string column keeps the JSON text of what is no string, and an empty string is not NULL', async () => {
  assert.deepEqual(
    await under('string', [
      '""',
      'null',
      '1.0',
      '12345678901234567890',
      'true',
      '{"a": [1]}',
      '"\\ud800x"',
    ]),
    ['', null, '1.0', '12345678901234567890', 'true', '{"a": [1]}', '\ufffdx'],
  );
});

test('the reason of a reject names the column and does not show the value', async () => {
  await withEncoder({ table: tableOf(one('bigint')) }, async (encoder) => {
    const { rejects } = await encoder.encodeFiles(batchOf(['{"a":"secret"}']), never);
    assert.equal(rejects[0]?.reason, 'column c is bigint, and the string at a does not fit');
  });
});
