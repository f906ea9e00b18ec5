// The fast way (raw bytes to DuckDB) and the exact way (record by record) must come to the same rows and the same rejects.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RowEncoder, type RowValue } from '../../../../clients/duckdb/row-encoder.ts';
import type { Column } from '../../../../pipeline/table.ts';
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

/** JSON text that fits a column in the plainest way, so that most records take the fast way. */
const plain: Record<string, fc.Arbitrary<string>> = {
  string: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => JSON.stringify(text)),
  bigint: fc.maxSafeInteger().map(String),
  int: fc.integer().map(String),
  double: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  boolean: fc.boolean().map(String),
  timestamp: fc
    .date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    .map((date) => `"${date.toISOString()}"`),
  date: fc.constantFrom('"2024-02-29"', '"0001-01-01"'),
  'array<string>': fc
    .array(fc.option(fc.string({ unit: 'grapheme', maxLength: 5 })), { maxLength: 3 })
    .map((list) => JSON.stringify(list)),
};

/** What real and hostile producers send. */

const ODD = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-0.0',
  '1.0',
  '1e3',
  '1E+2',
  '1.5',
  '-1e-7',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '2147483647',
  '-2147483648',
  '2147483648',
  '18446744073709551616',
  '9007199254740991.2',
  '1.00000000000000000001',
  '1e400',
  '-1e400',
  '1e18',
  '5e-324',
  '123456789012345678901234567890',
  '1700000000000',
  '1700000000000.5',
  '-62135596800000',
  '-62135596800001',
  '253402300799999',
  '253402300800000',
  '""',
  '"123"',
  '"007"',
  '"-5"',
  '"+5"',
  '" 5"',
  '"9223372036854775807"',
  '"99999999999999999999"',
  '"1.5"',
  '"1e3"',
  '"true"',
  '"TRUE"',
  '"NaN"',
  '"-Infinity"',
  '"Infinity"',
  '"nan"',
  '"2024-02-29T12:34:56Z"',
  '"2023-02-29T12:34:56Z"',
  '"2024-02-29 12:34:56.123456"',
  '"2024-03-01T00:00:00.1234567Z"',
  '"2024-03-01T00:00:00+02:00"',
  '"2024-03-01T00:00:00-0330"',
  '"2024-03-01T00:00:00+05"',
  '"0001-01-01T00:00:00+01:00"',
  '"9999-12-31T23:59:59.999999-01:00"',
  '"0000-12-31T00:00:00Z"',
  '"2024-03-01"',
  '"2024-03-01T24:00:00Z"',
  '"2024-03-01T23:59:60Z"',
  '"2024-13-01T00:00:00Z"',
  '"2024-03-01T10:00Z"',
  '"2024-03-01t10:00:00z"',
  '"2024-03-01T10:00:00.Z"',
  '"2024-03-01 10:00:00 UTC"',
  '"Wed Oct 10 20:19:24 +0000 2018"',
  '"infinity"',
  '"epoch"',
  '"2024-3-1"',
  '[]',
  '{}',
  '[[]]',
  '[{}]',
  '["a",1,true,null,1.0,-0,12345678901234567890]',
  '["a\\u0000b", "c"]',
  '{"a":[1,{"b":"}"}],"c":"\\""}',
  '[1.0,"]"]',
  '"\\ud800"',
  '"\\ud83d\\ude00"',
  '"\\uDC00x"',
  '["\\ud800"]',
  '"\\u0000"',
  '"\\\\ud800"',
  '"\\"},{\\"o\\":5"',
  '"\'; DROP TABLE x; --"',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are the point.
  '"${env:PATH}"',
  '"\u202eabc\u2028\u2029\ufeff\ufffd"',
  '"\\n\\r\\t\\b\\f\\/"',
  '{"city":"x"}',
  '{"city":5}',
  '{"city":{"city":"y"}}',
  '{"city":null}',
  '{"city":"a","city":"b"}',
  '{"City":"z"}',
  '"Paris"',
  '[{"city":"q"}]',
];
const odd = fc.constantFrom(...ODD);

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n', '\t');
const topKeys = ['id', 'likes', 'level', 'score', 'ok', 'at', 'day', 'tags', 'location'];
const typeOf = (key: string): string =>
  ALL_COLUMNS.find((column) => column.path === key)?.type ?? 'location';
const location = fc
  .oneof(plain['string'] ?? odd, fc.constant('x'))
  .map((city) => (city === 'x' ? '{}' : `{"city":${city},"zip":1}`));

const plainField = fc
  .constantFrom(...topKeys)
  .chain((key) => (plain[typeOf(key)] ?? location).map((json) => [key, json] as const));
const oddField = fc.tuple(
  fc.constantFrom(
    ...topKeys,
    'ID',
    'Likes',
    'extra',
    '__proto__',
    'constructor',
    'toString',
    '',
    'o',
    'v',
    'c',
    '\\u0069d',
    '\\ud800',
  ),
  odd,
);
const objectOf = (field: fc.Arbitrary<readonly [string, string]>, unique: boolean) =>
  fc
    .tuple(
      unique
        ? fc.uniqueArray(field, { selector: ([key]) => key, maxLength: 9 })
        : fc.array(field, { maxLength: 9 }),
      space,
    )
    .map(
      ([fields, s]) =>
        `${s}{${s}${fields.map(([key, json]) => `"${key}"${s}:${s}${json}`).join(`${s},${s}`)}${s}}${s}`,
    );

const good = objectOf(plainField, true);
const strange = objectOf(
  fc.oneof({ weight: 3, arbitrary: plainField }, { weight: 1, arbitrary: oddField }),
  true,
);
const doubled = objectOf(fc.oneof(plainField, oddField), false);
const broken = fc.oneof(
  odd,
  fc.constantFrom(
    '',
    ' ',
    '{',
    '{"id":"a"',
    '1},{"kafka_offset":5',
    '{}{}',
    '{"id":"a"}\n{"id":"b"}',
    "{'id':1}",
    '{"id":NaN}',
    '{"id":01}',
    '\ufeff{"id":"bom"}',
    '{"id":"\u0001"}',
    'nul',
  ),
  fc.json(),
  fc.string(),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((a) => Buffer.from(a)),
  fc.constant(Buffer.from([0x7b, 0x22, 0x69, 0x64, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d])),
  fc.constant(Buffer.from([0xed, 0xa0, 0x80])),
  fc.constant(null),
);
const text = (arbitrary: fc.Arbitrary<string>) => arbitrary.map((t) => Buffer.from(t));
const usual = fc.array(
  text(fc.oneof(good, strange, broken)).map((b): Buffer | null => b),
  { maxLength: 30 },
);
const wild = fc.array(fc.oneof(text(good), text(strange), text(doubled), text(broken), bytes), {
  maxLength: 20,
});

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
