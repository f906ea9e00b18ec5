// One DuckDB in this process, without a database: it only copies from file to file. One statement runs at a time, so that its
// memory limit holds however many batches are encoded at once.
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { filesRejected } from './workspace.ts';

export interface DuckSettings {
  readonly memoryMb: number;
  readonly threads: number;
  /** Where it may spill to. */
  readonly directory: string;
}

const MB = 1024 * 1024;
/** Memory per byte of the longest line: DuckDB reads it into buffers of several times that size. */
const LINE_FACTOR = 12;

export class Duck {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #settings: DuckSettings;
  #memoryMb: number;
  #last: Promise<unknown> = Promise.resolve();

  static async open(settings: DuckSettings): Promise<Duck> {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: `${settings.memoryMb}MB`,
      threads: String(settings.threads),
      temp_directory: settings.directory,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return new Duck(instance, await instance.connect(), settings);
  }

  private constructor(
    instance: DuckDBInstance,
    connection: DuckDBConnection,
    settings: DuckSettings,
  ) {
    this.#instance = instance;
    this.#connection = connection;
    this.#settings = settings;
    this.#memoryMb = settings.memoryMb;
  }

  /**
   * Runs a COPY when its turn comes. Answers the rows written, undefined when the input could not be read. Throws
   * FILES_REJECTED, and `signal.reason` when aborted.
   */
  copy(
    sql: string,
    of: { readonly path: string; readonly lineBytesMax: number },
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const turn = this.#last.then(() => this.#copy(sql, of, signal));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Waits for the statement that runs. */
  async close(): Promise<void> {
    await this.#last;
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  async #copy(
    sql: string,
    of: { readonly path: string; readonly lineBytesMax: number },
    signal: AbortSignal,
  ): Promise<number | undefined> {
    signal.throwIfAborted();
    const onAbort = () => this.#connection.interrupt();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#limitMemory(of.lineBytesMax);
      const result = await this.#connection.run(sql);
      return result.rowsChanged;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return refused(error, of.path);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #limitMemory(lineBytesMax: number): Promise<void> {
    const needed =
      this.#settings.memoryMb + Math.floor((lineBytesMax * LINE_FACTOR) / (8 * MB)) * 8;
    if (needed === this.#memoryMb) return;
    await this.#connection.run(`SET memory_limit = '${needed}MB'`);
    this.#memoryMb = needed;
  }
}

/** DuckDB names the kind of an error in front of its message. Its texts may quote the data, so they are not passed on. */
function refused(error: unknown, path: string): undefined {
  const text = describe(error);
  if (text.startsWith('Invalid Input Error')) return undefined;
  if (text.startsWith('IO Error')) throw filesRejected(path, error);
  const kind = /^[A-Za-z ]+ Error/.exec(text)?.[0] ?? 'error';
  throw new PipelineError('BUG', `DuckDB could not encode a batch: ${kind}`, { cause: error });
}
