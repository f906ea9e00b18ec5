// Brings a Hive table into the shape a TableSpec asks for: creates it, adds missing columns, refuses what differs.
// Two processes may do so at once.
import {
  type DescribedColumn,
  describeTable,
  partitionClause,
  quoteTable,
  type TableDescription,
  type TableName,
} from '../../clients/hive/describe.ts';
import { isAlreadyThere } from '../../clients/hive/errors.ts';
import { quoteName, quoteString } from '../../clients/hive/quoting.ts';
import type { HiveClient } from '../../clients/hive/session.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import { DAY_COLUMN, KAFKA_COLUMNS, type TableSpec } from '../../pipeline/table.ts';

export interface HiveTable {
  /** Where the table's files lie, as the metastore says, without a slash at its end. */
  readonly location: string;
  /** Registers the table partition of a day (`yyyy-MM-dd`, or DAY_UNKNOWN). May be repeated; what is known costs nothing. */
  addDay(day: string, signal: AbortSignal): Promise<void>;
}

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

/** Runs a statement that creates something; that it exists already is a success. */
export async function createOnce(
  hive: HiveClient,
  sql: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await hive.execute(sql, signal);
  } catch (error) {
    if (!isAlreadyThere(error)) throw error;
  }
}

const columnList = (columns: readonly DescribedColumn[]) =>
  columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ');

function createStatement(table: TableDefinition): string {
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

function mismatch(table: TableName, problem: string, hint: string): PipelineError {
  return new PipelineError(
    'HIVE_TABLE_MISMATCH',
    `The table ${table.database}.${table.name} ${problem}`,
    { hint, context: { database: table.database, table: table.name } },
  );
}

const ANOTHER_TABLE = 'Name another table in params.table, or drop or rename this one.';

const pathOf = (location: string) =>
  location.replace(/^[a-z0-9]+:(\/\/[^/]*)?(?=\/)/i, '').replace(/\/+$/, '');

function checkKind(table: TableDefinition, found: TableDescription): void {
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

function checkColumns(table: TableDefinition, found: TableDescription): void {
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

const missingColumns = (table: TableDefinition, found: TableDescription) => {
  const names = new Set(found.columns.map(({ name }) => name.toLowerCase()));
  return table.columns.filter(({ name }) => !names.has(name.toLowerCase()));
};

async function describeExisting(
  hive: HiveClient,
  table: TableDefinition,
  signal: AbortSignal,
): Promise<TableDescription> {
  const found = await describeTable(hive, table, signal);
  if (found === undefined) {
    throw mismatch(table, 'vanished while it was being set up', 'Start again.');
  }
  return found;
}

/**
 * Creates database and table when missing, adds missing columns, and returns what stands then. Throws
 * HIVE_TABLE_MISMATCH when the table is of another kind, format or place, or a column of another type.
 */
export async function ensureTable(
  hive: HiveClient,
  table: TableDefinition,
  signal: AbortSignal,
): Promise<TableDescription> {
  let found = await describeTable(hive, table, signal);
  if (found === undefined) {
    // Asked for only now: many users may fill a database but not create one.
    const database = `CREATE DATABASE IF NOT EXISTS ${quoteName(table.database)}`;
    if (table.database.toLowerCase() !== 'default') await createOnce(hive, database, signal);
    await createOnce(hive, createStatement(table), signal);
    found = await describeExisting(hive, table, signal);
  }
  checkKind(table, found);
  checkColumns(table, found);
  const missing = missingColumns(table, found);
  if (missing.length === 0) return found;
  // CASCADE: today's table partition exists already, and without it the new column would read NULL there.
  const add = `ALTER TABLE ${quoteTable(table)} ADD COLUMNS (${columnList(missing)}) CASCADE`;
  await createOnce(hive, add, signal);
  found = await describeExisting(hive, table, signal);
  checkColumns(table, found);
  const [still] = missingColumns(table, found);
  if (still) throw mismatch(table, `did not take the new column ${still.name}`, ANOTHER_TABLE);
  return found;
}

/** The columns of the table a spec describes, as Hive has them: from Kafka first, then the spec's own. */
export function tableColumns(spec: TableSpec): DescribedColumn[] {
  return [...KAFKA_COLUMNS, ...spec.columns].map(({ name, type }) => ({
    name: name.toLowerCase(),
    type,
  }));
}

/** Where the table's files lie, without a slash at the end. */
export function locationOf(found: TableDescription): string {
  const location = found.facts.get('Location')?.replace(/\/+$/, '');
  invariant(location !== undefined && location !== '', 'DESCRIBE FORMATTED names the location');
  return location;
}

/** Which kind of ledger decides about a table. Two kinds for one table would write every record twice. */
export type LedgerKind = 'files' | 'metastore';

const LEDGER_PROPERTY = 'kafka_hive.ledger';
const SINK_OF: Readonly<Record<LedgerKind, string>> = {
  files: 'hive-load',
  metastore: 'hive-insert',
};

async function claimLedger(
  hive: HiveClient,
  table: TableName,
  found: TableDescription,
  kind: LedgerKind,
  signal: AbortSignal,
): Promise<void> {
  const standing = found.properties.get(LEDGER_PROPERTY);
  if (standing === undefined) {
    const property = `${quoteString(LEDGER_PROPERTY)}=${quoteString(kind)}`;
    await hive.execute(`ALTER TABLE ${quoteTable(table)} SET TBLPROPERTIES (${property})`, signal);
  } else if (standing !== kind) {
    throw mismatch(
      table,
      `is written by the sink ${standing === 'files' ? SINK_OF.files : SINK_OF.metastore}, whose ledger ${SINK_OF[kind]} does not know`,
      'Go on with that sink, or name another table in params.table.',
    );
  }
}

/**
 * Opens the table of a spec: see `ensureTable`. A table keeps the kind of ledger it was first opened with. Throws
 * HIVE_TABLE_MISMATCH, HIVE_REJECTED, HIVE_UNAVAILABLE.
 */
export async function openHiveTable(
  hive: HiveClient,
  spec: TableSpec,
  signal: AbortSignal,
  ledger: LedgerKind = 'files',
): Promise<HiveTable> {
  const found = await ensureTable(
    hive,
    {
      database: spec.database,
      name: spec.name,
      columns: tableColumns(spec),
      partitionColumns: [{ name: DAY_COLUMN, type: 'string' }],
      format: spec.format === 'parquet' ? 'parquet' : 'json',
      location: spec.location,
      properties: {
        [LEDGER_PROPERTY]: ledger,
        ...(spec.format === 'parquet' ? { 'parquet.compression': 'SNAPPY' } : {}),
      },
    },
    signal,
  );
  await claimLedger(hive, spec, found, ledger, signal);
  const location = locationOf(found);
  const known = new Set<string>();
  return {
    location,
    async addDay(day, addSignal) {
      if (known.has(day)) return;
      const clause = partitionClause({ [DAY_COLUMN]: day });
      const sql = `ALTER TABLE ${quoteTable(spec)} ADD IF NOT EXISTS ${clause}`;
      // Two callers at once both ask: neither depends on the other's signal.
      await createOnce(hive, sql, addSignal);
      known.add(day);
    },
  };
}
