// Every column type, written by the row encoder, read back through the real HiveServer2: Parquet, JSON Lines, gzip JSON Lines.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { RowEncoder, type RowValue } from '../../clients/duckdb/row-encoder.ts';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import type { Cell, Row } from '../../clients/hive/rows.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import { type Column, KAFKA_COLUMNS, type TableSpec } from '../../pipeline/table.ts';
import { testSettings } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const signal = new AbortController().signal;
const ROWS = 400;
const TAGS_MAX = 3;

const COLUMNS: readonly Column[] = [
  { name: 'id', type: 'string', path: 'id' },
  { name: 'Likes', type: 'bigint', path: 'likes' },
  { name: 'level', type: 'int', path: 'level' },
  { name: 'score', type: 'double', path: 'score' },
  { name: 'ok', type: 'boolean', path: 'ok' },
  { name: 'at', type: 'timestamp', path: 'at' },
  { name: 'day', type: 'date', path: 'day' },
  { name: 'tags', type: 'array<string>', path: 'tags' },
  { name: 'order', type: 'string', path: 'location.city' },
  { name: 'select', type: 'string', path: '$rest' },
];
const ALL = [...KAFKA_COLUMNS, ...COLUMNS];

let hive: HiveClient;
let files: WebHdfs;
const root = `/tmp/${uniqueName('columns')}`;

before(async () => {
  const { config } = testSettings();
  hive = await HiveClient.open(config.hive, { log: silentLog, clock: systemClock }, signal);
  files = new WebHdfs(config.hdfs);
});

after(async () => {
  await files.remove(root, signal);
  files.close();
  await hive.close();
});

const HOSTILE = [
  '',
  ' ',
  'null',
  '\\N',
  '"',
  "'",
  '\\',
  '\\n',
  'a\nb\r\nc\t',
  'a\u0000b',
  '\u0001\u0002',
  ';',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are the point.
  '${env:PATH}',
  '🚀👩‍👩‍👧',
  'مرحبا \u202eabc',
  '\u2028\ufeff\ufffd',
  '{"a":1}',
  '东京',
  'é\u0301',
];
const text = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 20 }));
const quoted = text.map((t) => JSON.stringify(t));
const instant = fc.oneof(
  fc
    .date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    .map((d) => `"${d.toISOString()}"`),
  fc.constantFrom(
    '"0001-01-01T00:00:00Z"',
    '"1582-10-04T23:59:59Z"',
    '"1582-10-10T00:00:00Z"',
    '"1900-02-28T12:00:00.000001"',
    '"1969-12-31T23:59:59.999999Z"',
    '"2024-02-29 12:34:56.123456"',
    '"2024-03-31T02:30:00+02:00"',
    '"9999-12-31T23:59:59.999999Z"',
    '1709210096123',
  ),
);
const value = fc.record(
  {
    id: fc.oneof(
      quoted,
      fc.constantFrom('"\\ud800x"', '12345678901234567890', '{"deep": [1, null]}', '1.0'),
    ),
    likes: fc.oneof(
      fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String),
      fc.constantFrom('9007199254740993', '"9007199254740993"', '9223372036854775807'),
    ),
    level: fc.integer().map(String),
    score: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
      fc.constantFrom('5e-324', '1.7976931348623157e308', '"NaN"', '"-Infinity"'),
    ),
    ok: fc.boolean().map(String),
    at: instant,
    day: fc.constantFrom(
      '"0001-01-01"',
      '"1500-02-28"',
      '"1582-10-04"',
      '"1582-10-15"',
      '"1970-01-01"',
      '"2024-02-29"',
      '"9999-12-31"',
    ),
    tags: fc.array(fc.option(text), { maxLength: TAGS_MAX }).map((list) => JSON.stringify(list)),
    location: quoted.map((city) => `{"city":${city}}`),
    extra: fc.constant('true'),
  },
  { requiredKeys: [] },
);
// A null field now and then, and sometimes a key twice, so that the exact way is taken too.
const json = fc
  .tuple(value, fc.constantFrom(...Array<string>(9).fill(''), '"level":null,'))
  .map(([fields, lead]) => {
    const body = Object.entries(fields).map(([key, text]) => `"${key}":${text}`);
    return `{${body.length > 0 ? lead : ''}${body.join()}}`;
  });

function batchOf(values: readonly string[]): Batch {
  const records = values.map((text, index) => ({
    offset: BigInt(index) + 2n ** 60n,
    timestamp: index % 5 === 0 ? -1 : Date.UTC(2026, 10, 21) + index,
    key: null,
    value: Buffer.from(text),
    headers: undefined,
  }));
  return {
    range: {
      topic: "it's.a-topic",
      partition: 7,
      start: 2n ** 60n,
      end: 2n ** 60n + BigInt(values.length),
    },
    records,
  };
}

/** SQL that gives a column as text Hive cannot spoil on its way: text as hex, an array element by element. */
function select({ name, type }: { name: string; type: Column['type'] }): string {
  const column = `\`${name.toLowerCase()}\``;
  if (type === 'string') return `hex(${column}) AS ${column}`;
  if (type === 'timestamp' || type === 'date') return `CAST(${column} AS string) AS ${column}`;
  if (type !== 'array<string>') return column;
  const elements = Array.from({ length: TAGS_MAX }, (_, i) => `hex(${column}[${i}]) AS tag${i}`);
  return [`size(${column}) AS ${column}`, ...elements].join(', ');
}

function fromHive(row: Row, { name, type }: { name: string; type: Column['type'] }): RowValue {
  const cell = row[name.toLowerCase()] ?? null;
  if (type === 'string') return unhex(cell);
  if (type === 'array<string>')
    return Number(cell) < 0
      ? null
      : Array.from({ length: Number(cell) }, (_, i) => unhex(row[`tag${i}`] ?? null));
  if (type === 'timestamp' && typeof cell === 'string') return withMicros(cell);
  return cell === null ? null : String(cell);
}

function unhex(cell: Cell): string | null {
  return cell === null ? null : Buffer.from(String(cell), 'hex').toString('utf8');
}

function withMicros(text: string): string {
  return (text.includes('.') ? text : `${text}.`).padEnd(26, '0');
}

function expected(values: readonly RowValue[]): RowValue[] {
  return values.map((value, index) => {
    const type = ALL[index]?.type;
    if (typeof value !== 'string') return value;
    if (type === 'timestamp') return withMicros(value);
    return type === 'double' ? String(Number(value)) : value;
  });
}

async function roundTrip(format: TableSpec['format'], storedAs: string): Promise<void> {
  const name = uniqueName('columns');
  const table: TableSpec = {
    database: 'default',
    name,
    columns: COLUMNS,
    dayFrom: 'kafka_timestamp',
    format,
    location: undefined,
  };
  const encoder = await RowEncoder.open({ table, valueFormat: 'json', tombstones: 'skip' });
  try {
    const batch = batchOf([
      ...fc.sample(json, { numRuns: ROWS }),
      '{"level":1,"level":2,"id":"twice"}',
    ]);
    const exact = await encoder.encodeRows(batch, signal);
    const encoded = await encoder.encodeFiles(batch, signal);
    assert.deepEqual(encoded.rejects, exact.rejects);
    for (const [index, file] of encoded.files.entries())
      await files.create(
        `${root}/${name}/${index}${format === 'json-gzip' ? '.json.gz' : ''}`,
        { file: file.path },
        signal,
      );
    const columns = ALL.map((column) => `\`${column.name.toLowerCase()}\` ${column.type}`).join(
      ', ',
    );
    await hive.execute(
      `CREATE EXTERNAL TABLE \`${name}\` (${columns}) STORED AS ${storedAs} LOCATION '${stackEndpoints().hdfs.uri}${root}/${name}'`,
      signal,
    );
    const rows = await hive.query(`SELECT ${ALL.map(select).join(', ')} FROM \`${name}\``, signal);
    await hive.execute(`DROP TABLE \`${name}\``, signal);
    const found = new Map(
      rows.map((row) => [String(row['kafka_offset']), ALL.map((column) => fromHive(row, column))]),
    );
    const wanted = exact.groups.flatMap((group) => group.rows.map(expected));
    assert.equal(rows.length, wanted.length);
    for (const row of wanted) assert.deepEqual(found.get(String(row[2])), row);
  } finally {
    await encoder.close();
  }
}

test('every column type reads back through Hive as it was sent: Parquet', () =>
  roundTrip('parquet', 'PARQUET'));

test('every column type reads back through Hive as it was sent: JSON Lines', () =>
  roundTrip('json', 'JSONFILE'));

test('every column type reads back through Hive as it was sent: gzip JSON Lines', () =>
  roundTrip('json-gzip', 'JSONFILE'));
