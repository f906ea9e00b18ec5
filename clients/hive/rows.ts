// Decodes the column-wise result sets of HiveServer2. The driver's own decoder loses BIGINTs beyond 2^53.

/** BIGINT is a bigint, other numbers are numbers; DECIMAL, times, arrays, maps and structs come as text. */
export type Cell = string | number | bigint | boolean | Buffer | null;

/** One row by column name, without the table's name before it. Of two equal names the last one stays. */
export type Row = Readonly<Record<string, Cell>>;

interface Int64 {
  readonly buffer: Buffer;
  readonly offset: number;
}

interface ThriftValues {
  readonly values: readonly (string | number | boolean | Buffer | Int64)[];
  /** One bit a value, lowest first; may be shorter than the values. */
  readonly nulls: Buffer;
}

export interface ThriftSchema {
  readonly columns: readonly { readonly columnName: string; readonly position: number }[];
}

export interface ThriftRowSet {
  readonly columns?: readonly object[] | undefined;
}

const isNull = (nulls: Buffer, index: number) =>
  ((nulls[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;

function toCell(value: ThriftValues['values'][number]): Cell {
  if (typeof value !== 'object' || Buffer.isBuffer(value)) return value;
  return value.buffer.readBigInt64BE(value.offset);
}

// Of the eight typed lists of a thrift column the one that was sent is not null.
function valuesOf(column: object): ThriftValues | undefined {
  return Object.values(column).find((list) => list !== null && list !== undefined);
}

/** Turns the columns of one fetch into rows. */
export function decodeRows(schema: ThriftSchema, set: ThriftRowSet): Row[] {
  const names = schema.columns
    .toSorted((a, b) => a.position - b.position)
    .map((column) => column.columnName.split('.').at(-1) ?? column.columnName);
  const columns = (set.columns ?? []).map(valuesOf);
  const count = columns[0]?.values.length ?? 0;
  return Array.from({ length: count }, (_, index) =>
    Object.fromEntries(
      names.map((name, at) => {
        const value = columns[at]?.values[index];
        const absent = value === undefined || isNull(columns[at]?.nulls ?? Buffer.alloc(0), index);
        return [name, absent ? null : toCell(value)];
      }),
    ),
  );
}
