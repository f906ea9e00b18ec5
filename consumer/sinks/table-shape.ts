// What a table must be like, the statement that creates it, and what makes a standing one unfit. Asks no server.
import {
  type DescribedColumn,
  quoteTable,
  type TableDescription,
  type TableName,
} from '../../clients/hive/describe.ts';
import { quoteName, quoteString } from '../../clients/hive/quoting.ts';
import { PipelineError } from '../../pipeline/errors.ts';

/** What a table must be like. */
export interface TableDefinition extends TableName {
  readonly columns: readonly DescribedColumn[];
  readonly partitionColumns: readonly DescribedColumn[];
  readonly format: 'parquet' | 'json';
  /** Undefined lets the server choose. */
  readonly location: string | undefined;
  readonly properties: Readonly<Record<string, string>>;
}

const FORMATS = {
  parquet: {
    clause: 'STORED AS PARQUET',
    serde: /\.ParquetHiveSerDe$/,
  },
  // JSONFILE means this SerDe since Hive 4 only; named in full it works before, too.
  json: {
    clause: "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.JsonSerDe' STORED AS TEXTFILE",
    serde: /^org\.apache\.(hadoop\.hive\.serde2|hive\.hcatalog\.data)\.JsonSerDe$/,
  },
} as const;

/** As CREATE and ADD COLUMNS list them. */
export const columnList = (columns: readonly DescribedColumn[]) =>
  columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ');

export function createStatement(table: TableDefinition): string {
  const properties = Object.entries(table.properties)
    .map(([key, value]) => `${quoteString(key)}=${quoteString(value)}`)
    .join(', ');
  return [
    `CREATE EXTERNAL TABLE IF NOT EXISTS ${quoteTable(table)} (${columnList(table.columns)})`,
    `PARTITIONED BY (${columnList(table.partitionColumns)})`,
    FORMATS[table.format].clause,
    table.location === undefined ? '' : `LOCATION ${quoteString(table.location)}`,
    properties ? `TBLPROPERTIES (${properties})` : '',
  ].join(' ');
}

/** The error for a table that is not what it should be. `problem` goes on after its name. */
export function mismatch(table: TableName, problem: string, hint: string): PipelineError {
  return new PipelineError(
    'HIVE_TABLE_MISMATCH',
    `The table ${table.database}.${table.name} ${problem}`,
    { hint, context: { database: table.database, table: table.name } },
  );
}

export const ANOTHER_TABLE = 'Name another table in params.table, or drop or rename this one.';

const pathOf = (location: string) =>
  location.replace(/^[a-z0-9]+:(\/\/[^/]*)?(?=\/)/i, '').replace(/\/+$/, '');

/** Throws HIVE_TABLE_MISMATCH for a table of another kind, format or place. */
export function checkKind(table: TableDefinition, found: TableDescription): void {
  const kind = found.facts.get('Table Type') ?? '';
  if (!/^(EXTERNAL|MANAGED)_TABLE$/.test(kind)) {
    throw mismatch(table, `is no table of files but ${kind || 'something else'}`, ANOTHER_TABLE);
  }
  if (found.properties.get('transactional')?.toLowerCase() === 'true') {
    throw mismatch(table, 'is transactional; files cannot be placed in it', ANOTHER_TABLE);
  }
  const serde = found.facts.get('SerDe Library') ?? '';
  if (!FORMATS[table.format].serde.test(serde)) {
    throw mismatch(
      table,
      `holds files read by ${serde}, but the format asked for is ${table.format}`,
      'Set params.table.format to the format of the table, or name another table.',
    );
  }
  const location = found.facts.get('Location') ?? '';
  if (table.location !== undefined && pathOf(table.location) !== pathOf(location)) {
    throw mismatch(
      table,
      `lies in ${location}, not in ${table.location}`,
      'Remove params.table.location, or name the place of the table there.',
    );
  }
}

/** Throws HIVE_TABLE_MISMATCH for a column of another type and for other partition columns. Missing ones are no fault. */
export function checkColumns(table: TableDefinition, found: TableDescription): void {
  const types = new Map(found.columns.map(({ name, type }) => [name.toLowerCase(), type]));
  for (const { name, type } of table.columns) {
    const standing = types.get(name.toLowerCase());
    if (standing !== undefined && standing !== type) {
      throw mismatch(
        table,
        `has the column ${name} as ${standing}, but ${type} is asked for`,
        `Set the type of ${name} in params.table.columns to ${standing}, or name another table.`,
      );
    }
  }
  const wanted = columnList(table.partitionColumns);
  const standing = found.partitionColumns.map(({ name, type }) => `\`${name}\` ${type}`).join(', ');
  if (standing !== wanted) {
    throw mismatch(
      table,
      `is partitioned by ${standing || 'nothing'}, not by ${wanted}`,
      ANOTHER_TABLE,
    );
  }
}

/** Columns of `table` that `found` has not. */
export const missingColumns = (table: TableDefinition, found: TableDescription) => {
  const names = new Set(found.columns.map(({ name }) => name.toLowerCase()));
  return table.columns.filter(({ name }) => !names.has(name.toLowerCase()));
};
