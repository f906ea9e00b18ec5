// A DuckDB for questions about many rows: its tables lie in one file of a directory that is thrown away afterwards, so that
// memory stays bounded however many rows there are.
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance, type JS } from '@duckdb/node-api';
import { describe, PipelineError } from '../../pipeline/errors.ts';

export type Value = string | number | boolean | null;
/** One row by column name. Times are ISO 8601 in UTC, counts are numbers. */
export type ResultRow = Readonly<Record<string, Value>>;

export interface AnalysisSettings {
  /** Where its tables lie and where it spills to. */
  readonly directory: string;
  readonly memoryMb: number;
  readonly threads: number;
}

export class Analysis {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  /** Reaches no network, loads no extension, and takes times without a zone as UTC. */
  static async open({ directory, memoryMb, threads }: AnalysisSettings): Promise<Analysis> {
    const instance = await DuckDBInstance.create(join(directory, 'analysis.duckdb'), {
      memory_limit: `${memoryMb}MB`,
      threads: String(threads),
      temp_directory: directory,
      preserve_insertion_order: 'false',
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    return new Analysis(instance, connection);
  }

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Runs one statement; `doing` says in a message what it was for. Throws REPORT_INPUT, FILES_REJECTED, BUG. */
  async run(doing: string, sql: string, signal: AbortSignal): Promise<void> {
    await this.#guarded(doing, signal, () => this.#connection.run(sql));
  }

  /** The same, with all rows of the answer: ask for what fits in memory. */
  async rows(doing: string, sql: string, signal: AbortSignal): Promise<ResultRow[]> {
    const reader = await this.#guarded(doing, signal, () => this.#connection.runAndReadAll(sql));
    return reader
      .getRowObjectsJS()
      .map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
      );
  }

  async close(): Promise<void> {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #guarded<T>(doing: string, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const onAbort = () => this.#connection.interrupt();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await step();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw refused(doing, error);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** A text literal of DuckDB. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A path as DuckDB's file functions take it: what would be a pattern stands for itself. */
export function quotePath(path: string): string {
  return quoteText(path.replace(/[*?[]/g, '[$&]'));
}

function plain(value: JS): Value {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.toISOString();
  throw new PipelineError('BUG', 'DuckDB answered a value of a kind that was not asked for');
}

/** DuckDB names the kind of an error in front of its message. Its texts may quote the data, so they are not passed on. */
function refused(doing: string, error: unknown): PipelineError {
  const kind = /^[A-Za-z ]+ Error/.exec(describe(error))?.[0] ?? 'error';
  if (/^(IO|Invalid Input|HTTP) Error/.test(kind))
    return new PipelineError('REPORT_INPUT', `cannot ${doing}: DuckDB met an ${kind}`, {
      hint: 'Check that the files are whole (gzip -t) and readable, and that the disk of TMPDIR has room.',
      cause: error,
    });
  return new PipelineError('BUG', `cannot ${doing}: DuckDB met a ${kind}`, { cause: error });
}
