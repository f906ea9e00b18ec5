// The records of a Hive table as local files of JSON Lines for DuckDB. The rows come through HiveServer2, whatever the format
// of the table and wherever it lies, and one file of bounded size lies on the local disk at a time.
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { filesRejected } from '../clients/duckdb/workspace.ts';
import { describeTable, quoteTable, type TableName } from '../clients/hive/describe.ts';
import { quoteName } from '../clients/hive/quoting.ts';
import type { Row } from '../clients/hive/rows.ts';
import { HiveClient } from '../clients/hive/session.ts';
import type { Config } from '../params/schema.ts';
import { PipelineError } from '../pipeline/errors.ts';
import { WEATHER_FIELDS } from '../pipeline/weather.ts';
import type { Reading } from './tree.ts';

/**
 * Writes the rows to files and hands each to `onFile`, which is done with it when it resolves. Columns are found by the names
 * of the flat record, those of the table's partitions included. Throws REPORT_INPUT when there is no such table or it has
 * neither temperature nor windspeed, and what HiveServer2 throws.
 */
export async function readHive(
  table: TableName,
  config: Config['hive'],
  reading: Reading,
  onFile: (path: string) => Promise<void>,
): Promise<void> {
  const { log, clock, signal } = reading;
  const hive = await HiveClient.open(config, { log, clock }, signal);
  try {
    const columns = await columnsOf(table, hive, signal);
    // The directories say nothing: the rows name their place.
    const lines = new LineFile(
      join(reading.directory, 'rows/UNKNOWN/Unknown-City/rows.json'),
      onFile,
    );
    const sql = `SELECT ${columns.map(quoteName).join(', ')} FROM ${quoteTable(table)}`;
    await hive.each(sql, (rows) => lines.add(rows), signal);
    await lines.handOn();
  } finally {
    await hive.close();
  }
}

async function columnsOf(
  table: TableName,
  hive: HiveClient,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const name = `${table.database}.${table.name}`;
  const found = await describeTable(hive, table, signal);
  if (found === undefined)
    throw new PipelineError('REPORT_INPUT', `there is no table ${name}`, {
      hint: 'Name it as hive:database.table.',
      context: { table: name },
    });
  const all = [...found.columns, ...found.partitionColumns].map((column) => column.name);
  const columns = WEATHER_FIELDS.filter((field) => all.includes(field));
  if (columns.includes('temperature') || columns.includes('windspeed')) return columns;
  throw new PipelineError('REPORT_INPUT', `table ${name} has no column temperature or windspeed`, {
    hint: `A report reads the columns ${WEATHER_FIELDS.join(', ')}, those of them that the table has.`,
    context: { table: name },
  });
}

const FILE_BYTES_MAX = 64 * 1024 * 1024;

/** One file at a time: full, it is handed on and begun anew. */
class LineFile {
  readonly #path: string;
  readonly #onFile: (path: string) => Promise<void>;
  #bytes = 0;

  constructor(path: string, onFile: (path: string) => Promise<void>) {
    this.#path = path;
    this.#onFile = onFile;
  }

  async add(rows: readonly Row[]): Promise<void> {
    const text = rows.map((row) => `${JSON.stringify(row, bigintAsText)}\n`).join('');
    try {
      await mkdir(dirname(this.#path), { recursive: true });
      await appendFile(this.#path, text);
    } catch (error) {
      throw filesRejected(this.#path, error);
    }
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes >= FILE_BYTES_MAX) await this.handOn();
  }

  /** Hands on what is there, if anything is. */
  async handOn(): Promise<void> {
    if (this.#bytes === 0) return;
    await this.#onFile(this.#path);
    await rm(this.#path);
    this.#bytes = 0;
  }
}

function bigintAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
