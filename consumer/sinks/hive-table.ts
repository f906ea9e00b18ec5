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
import { systemClock } from '../../pipeline/clock.ts';
import { invariant, isCode, PipelineError } from '../../pipeline/errors.ts';
import { DAY_COLUMN, KAFKA_COLUMNS, type TableSpec } from '../../pipeline/table.ts';
import {
  ANOTHER_TABLE,
  checkColumns,
  checkKind,
  columnList,
  createStatement,
  mismatch,
  missingColumns,
  type TableDefinition,
} from './table-shape.ts';

export interface HiveTable {
  /** Where the table's files lie, as the metastore says, without a slash at its end. */
  readonly location: string;
  /** Whether any table partition is registered: nothing was ever placed in a table without one. */
  hasDays(signal: AbortSignal): Promise<boolean>;
  /** Registers the table partition of a day (`yyyy-MM-dd`, or DAY_UNKNOWN). May be repeated; what is known costs nothing. */
  addDay(day: string, signal: AbortSignal): Promise<void>;
}

const CREATE_ATTEMPTS = 4;
const CREATE_PAUSE_MS = 500;

/**
 * Runs a statement that creates something; that it exists already, or does so in the end, is a success. Repeated, because a metastore
 * gives up one of two creations that meet, in many words, and sometimes undoes a part of the other.
 */
async function createOnce(
  hive: HiveClient,
  sql: string,
  isThere: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await hive.execute(sql, signal, { once: true });
    } catch (error) {
      if (isAlreadyThere(error)) return;
      const isFinal = !isCode(error, 'HIVE_REJECTED') && !isCode(error, 'HIVE_UNAVAILABLE');
      if (isFinal || attempt === CREATE_ATTEMPTS) throw error;
      await systemClock.sleep(CREATE_PAUSE_MS, signal);
      if (await isThere()) return;
    }
  }
}

async function hasDatabase(hive: HiveClient, name: string, signal: AbortSignal): Promise<boolean> {
  const found = await hive.query(`SHOW DATABASES LIKE ${quoteString(name.toLowerCase())}`, signal);
  return found.length > 0;
}

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
 * Creates database and table when missing, adds missing columns, and returns what stands then.
 * Throws HIVE_TABLE_MISMATCH when the table is of another kind, format or place, or a column of another type.
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
    if (table.database.toLowerCase() !== 'default') {
      await createOnce(hive, database, () => hasDatabase(hive, table.database, signal), signal);
    }
    const hasTable = async () => (await describeTable(hive, table, signal)) !== undefined;
    await createOnce(hive, createStatement(table), hasTable, signal);
    found = await describeExisting(hive, table, signal);
  }
  checkKind(table, found);
  checkColumns(table, found);
  const missing = missingColumns(table, found);
  if (missing.length === 0) return found;
  // CASCADE: today's table partition exists already, and without it the new column would read NULL there.
  const add = `ALTER TABLE ${quoteTable(table)} ADD COLUMNS (${columnList(missing)}) CASCADE`;
  const hasColumns = async () =>
    missingColumns(table, await describeExisting(hive, table, signal)).length === 0;
  await createOnce(hive, add, hasColumns, signal);
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

/** The property of the table that names its ledger, checked. Undefined when nobody has opened the table yet. */
function ledgerOf(
  table: TableName,
  found: TableDescription,
  kind: LedgerKind,
): LedgerKind | undefined {
  const standing = found.properties.get(LEDGER_PROPERTY);
  if (standing === undefined || standing === kind) return standing;
  throw mismatch(
    table,
    `is written by the sink ${standing === 'files' ? SINK_OF.files : SINK_OF.metastore}, whose ledger ${SINK_OF[kind]} does not know`,
    'Go on with that sink (params.consumer.sink), or name another table in params.table.',
  );
}

/** Says in the table's properties which kind of ledger lies at its location. Throws HIVE_TABLE_MISMATCH when it is another. */
export async function claimLedger(
  hive: HiveClient,
  table: TableName,
  found: TableDescription,
  kind: LedgerKind,
  signal: AbortSignal,
): Promise<void> {
  if (ledgerOf(table, found, kind) !== undefined) return;
  const property = `${quoteString(LEDGER_PROPERTY)}=${quoteString(kind)}`;
  await hive.execute(`ALTER TABLE ${quoteTable(table)} SET TBLPROPERTIES (${property})`, signal);
}

const FIRST_START =
  'A consumer creates table and ledger at its first start: `consumer` or `consumer-from-position`.';

/** For readers: what stands under the name. Creates nothing. Throws HIVE_REJECTED with `hint` when nothing does. */
export async function describeStanding(
  hive: HiveClient,
  table: TableName,
  hint: string,
  signal: AbortSignal,
): Promise<TableDescription> {
  const found = await describeTable(hive, table, signal);
  if (found) return found;
  const { database, name } = table;
  throw new PipelineError('HIVE_REJECTED', `There is no table ${database}.${name} in Hive`, {
    hint,
    context: { database, table: name },
  });
}

/**
 * For readers of the ledger: where a table lies that a sink with this kind of ledger has opened before. Describes it and
 * creates nothing. Throws HIVE_REJECTED when there is no such table, HIVE_TABLE_MISMATCH when another sink or none writes
 * it.
 */
export async function findHiveTable(
  hive: HiveClient,
  table: TableName,
  kind: LedgerKind,
  signal: AbortSignal,
): Promise<string> {
  const hint = `${FIRST_START} Check --table, and database, name and liveName in params.table.`;
  const found = await describeStanding(hive, table, hint, signal);
  if (ledgerOf(table, found, kind) === undefined) {
    throw mismatch(
      table,
      'has no ledger: no consumer has opened it yet',
      `${FIRST_START} Or name another table in params.table.`,
    );
  }
  return locationOf(found);
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
    async hasDays(askSignal) {
      return (await hive.query(`SHOW PARTITIONS ${quoteTable(spec)}`, askSignal)).length > 0;
    },
    async addDay(day, addSignal) {
      if (known.has(day)) return;
      const clause = partitionClause({ [DAY_COLUMN]: day });
      const sql = `ALTER TABLE ${quoteTable(spec)} ADD IF NOT EXISTS ${clause}`;
      // Two callers at once both ask: neither depends on the other's signal. A failure is for the caller to repeat.
      await hive.execute(sql, addSignal).catch((error: unknown) => {
        if (!isAlreadyThere(error)) throw error;
      });
      known.add(day);
    },
  };
}
