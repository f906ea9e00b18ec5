// What the metastore knows of a table or a table partition, read from DESCRIBE FORMATTED.
import { quoteName, quoteString } from './quoting.ts';
import type { Row } from './rows.ts';
import { type HiveClient, isHiveError } from './session.ts';

export interface TableName {
  readonly database: string;
  readonly name: string;
}

export interface DescribedColumn {
  readonly name: string;
  readonly type: string;
}

export interface TableDescription {
  readonly columns: readonly DescribedColumn[];
  readonly partitionColumns: readonly DescribedColumn[];
  /** `Location`, `Table Type`, `SerDe Library`, ... as DESCRIBE FORMATTED calls them, without the colon. */
  readonly facts: ReadonlyMap<string, string>;
  /** Table, partition and SerDe properties. */
  readonly properties: ReadonlyMap<string, string>;
}

/** Values of partition columns, in the table's order. Undefined: each row says it itself, in its last values. */
export type PartitionSpec = Readonly<Record<string, string | number | undefined>>;

const TABLE_NOT_FOUND = 10001;
const PARTITION_NOT_FOUND = 10006;
const DATABASE_NOT_FOUND = 10072;

export function quoteTable(table: TableName): string {
  return `${quoteName(table.database)}.${quoteName(table.name)}`;
}

/** `PARTITION (a='x', b=1, c)`. */
export function partitionClause(spec: PartitionSpec): string {
  const parts = Object.entries(spec).map(([name, value]) => {
    if (value === undefined) return quoteName(name);
    return `${quoteName(name)}=${typeof value === 'number' ? value : quoteString(value)}`;
  });
  return `PARTITION (${parts.join(', ')})`;
}

const text = (row: Row, column: string) => String(row[column] ?? '').trim();

/** Reads the three columns of DESCRIBE FORMATTED; sections begin with `#`, properties stand in the 2nd and 3rd. */
export function parseDescription(rows: readonly Row[]): TableDescription {
  const columns: DescribedColumn[] = [];
  const partitionColumns: DescribedColumn[] = [];
  const facts = new Map<string, string>();
  const properties = new Map<string, string>();
  let section = '';
  for (const row of rows) {
    const [first, second, third] = [
      text(row, 'col_name'),
      text(row, 'data_type'),
      text(row, 'comment'),
    ];
    if (first.startsWith('# ')) {
      if (first !== '# col_name') section = first;
    } else if (section === '' || section === '# Partition Information') {
      if (first) (section ? partitionColumns : columns).push({ name: first, type: second });
    } else if (first.endsWith(':')) {
      facts.set(first.slice(0, -1), second);
    } else if (first === '' && second) {
      properties.set(second, third);
    }
  }
  return { columns, partitionColumns, facts, properties };
}

/** What stands under this name, undefined when there is no such table or database. */
export async function describeTable(
  hive: HiveClient,
  table: TableName,
  signal: AbortSignal,
): Promise<TableDescription | undefined> {
  try {
    return parseDescription(await hive.query(`DESCRIBE FORMATTED ${quoteTable(table)}`, signal));
  } catch (error) {
    if (isHiveError(error, TABLE_NOT_FOUND, DATABASE_NOT_FOUND)) return undefined;
    throw error;
  }
}

/** The same for one table partition, undefined when the table has none with these values. */
export async function describePartition(
  hive: HiveClient,
  table: TableName,
  spec: PartitionSpec,
  signal: AbortSignal,
): Promise<TableDescription | undefined> {
  try {
    const sql = `DESCRIBE FORMATTED ${quoteTable(table)} ${partitionClause(spec)}`;
    return parseDescription(await hive.query(sql, signal));
  } catch (error) {
    if (isHiveError(error, PARTITION_NOT_FOUND)) return undefined;
    throw error;
  }
}
