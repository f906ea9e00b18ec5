// What the tests of the row encoder share: a batch of values, and a reader of the written files that is not the encoder.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import {
  type EncodedFile,
  type EncoderSettings,
  RowEncoder,
  type RowValue,
} from '../../../../clients/duckdb/row-encoder.ts';
import type { Batch } from '../../../../pipeline/batch.ts';
import type { Column, ColumnType, TableSpec } from '../../../../pipeline/table.ts';

export const NOON = Date.UTC(2026, 10, 21, 12);
export const never = new AbortController().signal;

export const ALL_COLUMNS: readonly Column[] = [
  { name: 'Id', type: 'string', path: 'id' },
  { name: 'likes', type: 'bigint', path: 'likes' },
  { name: 'level', type: 'int', path: 'level' },
  { name: 'score', type: 'double', path: 'score' },
  { name: 'ok', type: 'boolean', path: 'ok' },
  { name: 'at', type: 'timestamp', path: 'at' },
  { name: 'day', type: 'date', path: 'day' },
  { name: 'tags', type: 'array<string>', path: 'tags' },
  { name: 'city', type: 'string', path: 'location.city' },
  { name: 'select', type: 'string', path: '$rest' },
];

export function tableOf(
  columns: readonly Column[],
  format: TableSpec['format'] = 'parquet',
  dayFrom = 'kafka_timestamp',
): TableSpec {
  return { database: 'd', name: 't', columns, dayFrom, format, location: undefined };
}

/** One column named `c` of `type`. */
export const one = (type: Column['type'], path = 'a'): readonly Column[] => [
  { name: 'c', type, path },
];

/** Opens an encoder for JSON values, unless `settings` say otherwise, and closes it after `use`. */
export async function withEncoder<T>(
  settings: Partial<EncoderSettings> & Pick<EncoderSettings, 'table'>,
  use: (encoder: RowEncoder) => Promise<T>,
): Promise<T> {
  const encoder = await RowEncoder.open({ valueFormat: 'json', tombstones: 'skip', ...settings });
  try {
    return await use(encoder);
  } finally {
    await encoder.close();
  }
}

/** One record a value, at offsets from 100 on and one millisecond apart. */
export function batchOf(
  values: readonly (string | Buffer | null)[],
  timestamp: (index: number) => number = (index) => NOON + index,
): Batch {
  const records = values.map((value, index) => ({
    offset: 100n + BigInt(index),
    timestamp: timestamp(index),
    key: null,
    value: typeof value === 'string' ? Buffer.from(value) : value,
    headers: undefined,
  }));
  const end = 100n + BigInt(values.length);
  return { range: { topic: "it's.a-topic", partition: 3, start: 100n, end }, records };
}

const connection = await (await DuckDBInstance.create(':memory:')).connect();

/** Rows of a written file, as canonical text; timestamps always with six digits. */
export async function readParquet(path: string, columns: readonly Column[]): Promise<RowValue[][]> {
  const types: ColumnType[] = [
    'string',
    'int',
    'bigint',
    'timestamp',
    ...columns.map((c) => c.type),
  ];
  const names = ['kafka_topic', 'kafka_partition', 'kafka_offset', 'kafka_timestamp'];
  const all = [...names, ...columns.map((column) => column.name.toLowerCase())];
  // Text goes through hex: the client drops a byte order mark in front of a string.
  const select = all.map((name, index) => {
    const quoted = `"${name}"`;
    if (types[index] === 'timestamp') return `strftime(${quoted}, '%Y-%m-%d %H:%M:%S.%f')`;
    if (types[index] === 'array<string>') return `list_transform(${quoted}, lambda x: hex(x))`;
    return types[index] === 'string' ? `hex(${quoted})` : `${quoted}::VARCHAR`;
  });
  const result = await connection.runAndReadAll(
    `SELECT ${select.join()} FROM read_parquet('${path}') ORDER BY file_row_number`,
  );
  return (result.getRowsJS() as RowValue[][]).map((row) =>
    row.map((value, index) => {
      if (types[index] !== 'string' && types[index] !== 'array<string>') return value;
      return typeof value === 'string' ? unhex(value) : (value?.map((v) => v && unhex(v)) ?? null);
    }),
  );
}

function unhex(hex: string): string {
  return Buffer.from(hex, 'hex').toString('utf8');
}

/** Column names and types of a Parquet file. */
export async function describeParquet(path: string): Promise<Record<string, string>> {
  const result = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`);
  return Object.fromEntries(result.getRows().map(([name, type]) => [String(name), String(type)]));
}

/** Text of a JSON Lines file. */
export function textOf(file: EncodedFile | undefined): string {
  const bytes = file ? readFileSync(file.path) : Buffer.alloc(0);
  return (file?.path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

export function readJsonLines(file: EncodedFile): Record<string, unknown>[] {
  return textOf(file)
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => JSON.parse(line));
}

/** The row as `readParquet` gives it. */
export function asRead(row: readonly RowValue[], columns: readonly Column[]): RowValue[] {
  const types: ColumnType[] = [
    'string',
    'int',
    'bigint',
    'timestamp',
    ...columns.map((c) => c.type),
  ];
  return row.map((value, index) => {
    if (typeof value !== 'string') return value;
    if (types[index] === 'timestamp') return value.padEnd(26, '0');
    return types[index] === 'double' ? canonicalDouble(value) : value;
  });
}

export function canonicalDouble(text: string): string {
  const number = Number(text);
  if (Object.is(number, -0)) return '-0';
  return Number.isFinite(number) ? String(number) : text.toLowerCase().replace('inity', '');
}
