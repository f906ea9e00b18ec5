// The table a batch ends in: its columns, where each takes its value from, and how rows are divided into table partitions.

export const COLUMN_TYPES = [
  'string',
  'bigint',
  'int',
  'double',
  'boolean',
  'timestamp',
  'date',
  'array<string>',
] as const;
export type ColumnType = (typeof COLUMN_TYPES)[number];

/**
 * `path` is where in the JSON value the column lies: `id`, `location.city`, `$` (the whole value as it came), or
 * `$rest` (the whole value, but only when it is no JSON object or holds a top-level field no column takes; else NULL).
 */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly path: string;
}

/** Columns every table has, taken from Kafka. With them anyone can check the delivery by SQL. */
export const KAFKA_COLUMNS = [
  { name: 'kafka_topic', type: 'string' },
  { name: 'kafka_partition', type: 'int' },
  { name: 'kafka_offset', type: 'bigint' },
  { name: 'kafka_timestamp', type: 'timestamp' },
] as const satisfies readonly { name: string; type: ColumnType }[];

/** The one table partition column: the UTC day, `yyyy-MM-dd`. */
export const DAY_COLUMN = 'dt';

/** Value of `dt` for a row whose event time is NULL. */
export const DAY_UNKNOWN = 'unknown';

export interface TableSpec {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly Column[];
  /** `kafka_timestamp`, or the name of a timestamp column (event time). */
  readonly dayFrom: string;
  readonly format: 'parquet' | 'json' | 'json-gzip';
  /** Where the table's files lie (`hdfs://host:port/path`, `file:/path`); undefined lets the server choose. */
  readonly location: string | undefined;
}

export const POST_COLUMNS: readonly Column[] = [
  { name: 'id', type: 'string', path: 'id' },
  { name: 'author', type: 'string', path: 'author' },
  { name: 'text', type: 'string', path: 'text' },
  { name: 'hashtags', type: 'array<string>', path: 'hashtags' },
  { name: 'lang', type: 'string', path: 'lang' },
  { name: 'created_at', type: 'timestamp', path: 'created_at' },
  { name: 'source', type: 'string', path: 'source' },
  { name: 'url', type: 'string', path: 'url' },
  { name: 'value', type: 'string', path: '$rest' },
];
