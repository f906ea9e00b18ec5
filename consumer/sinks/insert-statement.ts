// The text of INSERT statements: rows as literals, cut into statements that HiveServer2 can digest.
import { quoteString } from '../../clients/hive/quoting.ts';
import type { ColumnType } from '../../pipeline/table.ts';

/** NULL, the canonical text of a scalar, or the elements of an array<string>. */
export type RowValue = string | null | readonly (string | null)[];
export type RowValues = readonly RowValue[];

// The 1 GB HiveServer2 of the local stack takes 10,000 rows or a few MB in one statement and breaks far above that.
const STATEMENT_BYTES_MAX = 3 * 1024 * 1024;
const STATEMENT_ROWS_MAX = 10_000;

const cast = (text: string, type: ColumnType) => `cast(${quoteString(text)} as ${type})`;

// A number with a point is a DECIMAL in Hive unless it ends in D; signs in front of the least BIGINT do not parse.
function numberLiteral(text: string, type: ColumnType, suffix: string): string {
  return /^-?\d{1,18}(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? `${text}${suffix}` : cast(text, type);
}

/** A HiveQL expression of the type of its column. */
export function valueLiteral(value: RowValue, type: ColumnType): string {
  if (value === null) return type === 'array<string>' ? 'cast(null as array<string>)' : 'NULL';
  if (typeof value !== 'string') return arrayLiteral(value);
  switch (type) {
    case 'bigint':
      return numberLiteral(value, type, 'L');
    case 'double':
      return numberLiteral(value, type, 'D');
    case 'int':
    case 'boolean':
      return value;
    case 'timestamp':
    case 'date':
      return `${type} ${quoteString(value)}`;
    default:
      return quoteString(value);
  }
}

function arrayLiteral(items: readonly (string | null)[]): string {
  return `array(${items.map((item) => (item === null ? 'NULL' : quoteString(item))).join(',')})`;
}

/** `(1,'a'),(2,'b')` in pieces, each small enough for one statement and of at least one row. */
export function* valueLists(
  rows: Iterable<RowValues>,
  types: readonly ColumnType[],
): Generator<string> {
  let list: string[] = [];
  let bytes = 0;
  for (const row of rows) {
    const text = `(${row.map((value, at) => valueLiteral(value, types[at] ?? 'string')).join(',')})`;
    const size = Buffer.byteLength(text) + 1;
    if (
      list.length > 0 &&
      (bytes + size > STATEMENT_BYTES_MAX || list.length >= STATEMENT_ROWS_MAX)
    ) {
      yield list.join(',');
      list = [];
      bytes = 0;
    }
    list.push(text);
    bytes += size;
  }
  if (list.length > 0) yield list.join(',');
}
