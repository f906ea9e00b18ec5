// The SQL with which DuckDB reads a file of lines (line-file.ts) and writes the rows.
import type { TopicPartition } from '../../pipeline/range.ts';
import { type ColumnType, KAFKA_COLUMNS, type TableSpec } from '../../pipeline/table.ts';
import { exactField } from './line-file.ts';
import type { RawTree } from './raw-layout.ts';
import type { ReadColumn } from './row-reader.ts';

const READ_TYPES: Record<ColumnType, string> = {
  string: 'VARCHAR',
  bigint: 'BIGINT',
  int: 'INTEGER',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
  date: 'DATE',
  'array<string>': 'VARCHAR[]',
};

// Row groups of 16,384 rows bound the memory, and are written faster and smaller than larger ones (measured with
// bench/cases/encoder.ts). DuckDB's own gzip takes four times the CPU of Node's: see row-encoder.ts.
// Without the key of `writer.date.proleptic` Hive takes days before 1582-10-15 for days of the Julian calendar and shifts them.
const PARQUET =
  "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 16384, KV_METADATA {'writer.date.proleptic': 'true', 'writer.time.zone': 'UTC'}";
const JSON_LINES = 'FORMAT json, COMPRESSION none';

export interface CopyFiles {
  readonly from: string;
  readonly to: string;
  /** Bytes of the longest line. */
  readonly lineBytesMax: number;
}

/** Builds the statements of one table. Everything that varies with the table is built once. */
export class CopyStatement {
  readonly #format: TableSpec['format'];
  readonly #select: string;
  readonly #types: string;

  constructor(columns: readonly ReadColumn[], raw: RawTree | undefined, table: TableSpec) {
    this.#format = table.format;
    const exact = columns.map(
      ({ type }, index) =>
        `${exactField(index)} ${type === 'array<string>' ? 'VARCHAR[]' : 'VARCHAR'}`,
    );
    const types = { o: 'BIGINT', t: 'BIGINT', c: `STRUCT(${exact.join(', ')})` };
    const all = raw ? { ...types, v: struct(raw) } : types;
    this.#types = Object.entries(all)
      .map(([name, type]) => `${name}: ${literal(type)}`)
      .join(', ');
    this.#select = columns
      .map(
        (column, index) =>
          `${this.#value(column, index, raw)} AS ${identifier(column.name.toLowerCase())}`,
      )
      .join(', ');
  }

  sql(of: TopicPartition, files: CopyFiles): string {
    const [topic, partition, offset, timestamp] = KAFKA_COLUMNS.map((column) => column.name);
    const kafka = `${literal(of.topic)} AS ${topic}, ${of.partition}::INTEGER AS ${partition}, o AS ${offset}, ${this.#timestamp('make_timestamp(t * 1000)')} AS ${timestamp}`;
    return (
      `COPY (SELECT ${kafka}, ${this.#select} FROM read_json(${literal(files.from)}, ` +
      `format = 'newline_delimited', columns = {${this.#types}}, maximum_object_size = ${Math.max(files.lineBytesMax + 16, 1 << 20)})) ` +
      `TO ${literal(files.to)} (${this.#format === 'parquet' ? PARQUET : JSON_LINES})`
    );
  }

  #value(column: ReadColumn, index: number, raw: RawTree | undefined): string {
    const exact = `c.${exactField(index)}`;
    const typed = column.type === 'string' ? exact : `${exact}::${READ_TYPES[column.type]}`;
    const value =
      raw && !column.whole
        ? `coalesce(${['v', ...column.keys.map(identifier)].join('.')}, ${typed})`
        : typed;
    return column.type === 'timestamp' ? this.#timestamp(value) : value;
  }

  // Hive's JsonSerDe reads this form and makes NULL of every other one.
  #timestamp(value: string): string {
    if (this.#format === 'parquet') return value;
    return `CASE WHEN microsecond(${value}) % 1000 = 0 THEN strftime(${value}, '%Y-%m-%d %H:%M:%S.%g') ELSE strftime(${value}, '%Y-%m-%d %H:%M:%S.%f') END`;
  }
}

function struct(tree: RawTree): string {
  const fields = [...tree].map(
    ([key, value]) =>
      `${identifier(key)} ${typeof value === 'string' ? READ_TYPES[value] : struct(value)}`,
  );
  return `STRUCT(${fields.join(', ')})`;
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
