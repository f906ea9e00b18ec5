// One record to the row it becomes, exactly: the reference for everything else in this folder.
import {
  type Decoded,
  decodeTombstone,
  decodeValue,
  Fault,
  hasRest,
  type TombstonePolicy,
  type ValueFormat,
} from '../../pipeline/codec.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import {
  type Column,
  DAY_COLUMN,
  DAY_UNKNOWN,
  KAFKA_COLUMNS,
  type TableSpec,
} from '../../pipeline/table.ts';
import { type ColumnPath, parsePath, valueAt } from './column-path.ts';
import { columnValue, type RowValue } from './column-text.ts';
import { formatEpochMs } from './instant.ts';
import { jsonTextAt } from './json-text.ts';

/** A column with its path taken apart. `$` and `$rest` take the whole text and have no keys. */
export interface ReadColumn extends Column {
  readonly keys: ColumnPath;
  readonly whole: '$' | '$rest' | undefined;
}

export interface ReaderSettings {
  readonly table: TableSpec;
  readonly valueFormat: ValueFormat;
  readonly tombstones: TombstonePolicy;
}

const DAY_MS = 86_400_000;
/** Kafka's timestamp of a record that has none. */
export const NO_TIMESTAMP = -1;
const TIMESTAMP_FAULT = new Fault(
  'CODEC_COLUMN',
  'column kafka_timestamp is timestamp, and the time of the Kafka record lies outside the years 0001 to 9999',
);

/** A record that may become a row. `decoded` undefined: a tombstone, which becomes a row of NULLs. */
export interface Found {
  readonly decoded: Decoded | undefined;
  /** UTC day of the Kafka timestamp; DAY_UNKNOWN for a record without one. */
  readonly kafkaDay: string;
}

export class RowReader {
  readonly columns: readonly ReadColumn[];
  /** Index of the column that gives `dt`; undefined when the Kafka timestamp does. */
  readonly dayColumn: number | undefined;
  readonly #settings: ReaderSettings;
  readonly #topLevel: ReadonlySet<string>;
  readonly #wholes: number[];
  readonly #finiteOnly: boolean;
  #day = Number.NaN;
  #dayText: string | Fault = DAY_UNKNOWN;

  /** Throws CONFIG_INVALID for a table whose columns contradict each other. */
  constructor(settings: ReaderSettings) {
    this.#settings = settings;
    this.columns = settings.table.columns.map(readColumn);
    this.dayColumn = dayColumn(settings.table);
    this.#topLevel = new Set(this.columns.flatMap((column) => column.keys[0] ?? []));
    this.#wholes = this.columns.flatMap(({ whole }, index) => (whole ? [index] : []));
    // JSON has no NaN, and a reader of JSON Lines meets an unreadable file or a silent NULL.
    this.#finiteOnly = settings.table.format !== 'parquet';
    checkNames(settings.table.columns);
  }

  /** Decodes the value and dates the record. */
  look(record: PipelineRecord): Found | 'skip' | Fault {
    const { tombstones, valueFormat } = this.#settings;
    const decoded =
      record.value === null ? decodeTombstone(tombstones) : decodeValue(record.value, valueFormat);
    if (decoded === 'skip' || decoded instanceof Fault) return decoded;
    const kafkaDay = this.#kafkaDay(record.timestamp);
    if (kafkaDay instanceof Fault) return kafkaDay;
    return { decoded: decoded === 'row' ? undefined : decoded, kafkaDay };
  }

  /** The values of the table's own columns, in their order; all NULL for a tombstone (undefined). */
  values(decoded: Decoded | undefined): RowValue[] | Fault {
    const values: RowValue[] = [];
    for (const column of this.columns) {
      const value = decoded ? this.#value(column, decoded) : null;
      if (value instanceof Fault) return value;
      values.push(value);
    }
    return values;
  }

  /** Indices of the columns that take the whole text of this value. */
  wholes(decoded: Decoded): number[] {
    if (this.#wholes.length === 0) return this.#wholes;
    const rest = this.#keepsRest(decoded);
    return this.#wholes.filter((index) => rest || this.columns[index]?.whole === '$');
  }

  /** The table partition of a row: the day of the Kafka record, or of the column that gives `dt`. */
  dayOf(values: readonly RowValue[], kafkaDay: string): string {
    if (this.dayColumn === undefined) return kafkaDay;
    const value = values[this.dayColumn];
    return typeof value === 'string' ? value.slice(0, 10) : DAY_UNKNOWN;
  }

  #kafkaDay(timestamp: number): string | Fault {
    if (timestamp === NO_TIMESTAMP) return DAY_UNKNOWN;
    const day = Math.floor(timestamp / DAY_MS);
    if (day === this.#day) return this.#dayText;
    this.#day = day;
    this.#dayText = formatEpochMs(timestamp)?.slice(0, 10) ?? TIMESTAMP_FAULT;
    return this.#dayText;
  }

  #keepsRest(decoded: Decoded): boolean {
    return this.#settings.valueFormat === 'text' || hasRest(decoded.json, this.#topLevel);
  }

  #value(column: ReadColumn, decoded: Decoded): RowValue | Fault {
    if (column.whole === '$') return decoded.text;
    if (column.whole === '$rest') return this.#keepsRest(decoded) ? decoded.text : null;
    if (this.#settings.valueFormat === 'text') return null;
    const value = columnValue(
      column,
      valueAt(decoded.json, column.keys),
      () => jsonTextAt(decoded.text, column.keys) ?? '',
    );
    if (!this.#finiteOnly || column.type !== 'double') return value;
    if (typeof value !== 'string' || Number.isFinite(Number(value))) return value;
    return new Fault('CODEC_COLUMN', `column ${column.name} is not finite, which JSON cannot hold`);
  }
}

/** `yyyy-MM-dd HH:mm:ss.SSS` in UTC; NULL for a record without a time. */
export function kafkaTimestamp(timestamp: number): string | null {
  return timestamp === NO_TIMESTAMP ? null : (formatEpochMs(timestamp) ?? null);
}

function readColumn(column: Column): ReadColumn {
  if (column.path !== '$' && column.path !== '$rest')
    return { ...column, keys: parsePath(column.path), whole: undefined };
  if (column.type === 'string') return { ...column, keys: [], whole: column.path };
  throw new PipelineError(
    'CONFIG_INVALID',
    `column ${column.name} takes ${column.path} and is ${column.type}`,
    { hint: 'A column of the whole value must be of type string.' },
  );
}

function dayColumn(table: TableSpec): number | undefined {
  const wanted = table.dayFrom.toLowerCase();
  if (wanted === 'kafka_timestamp') return undefined;
  const index = table.columns.findIndex((column) => column.name.toLowerCase() === wanted);
  if (table.columns[index]?.type === 'timestamp') return index;
  throw new PipelineError(
    'CONFIG_INVALID',
    `table.dayFrom: ${table.dayFrom} is no timestamp column`,
    {
      hint: 'Name kafka_timestamp or a column of type timestamp.',
    },
  );
}

function checkNames(columns: readonly Column[]): void {
  const seen = new Set<string>([DAY_COLUMN, ...KAFKA_COLUMNS.map((column) => column.name)]);
  for (const column of columns) {
    const name = column.name.toLowerCase();
    if (seen.has(name))
      throw new PipelineError('CONFIG_INVALID', `two columns are named ${name}`, {
        hint: 'Column names must differ, also from kafka_* and dt; Hive does not tell cases apart.',
      });
    seen.add(name);
  }
}
