// Statements on HiveServer2. What hive-driver does wrong is cured here and in connection.ts; nobody else imports it.
import type { Config } from '../../params/schema.ts';
import { isCode, PipelineError } from '../../pipeline/errors.ts';
import type { Connection } from './connection.ts';
import {
  connectionError,
  hasMetTrouble,
  isAlreadyThere,
  type ServerWords,
  silentError,
  statementError,
} from './errors.ts';
import { CONNECTIONS_MAX, ConnectionPool, type HiveDeps } from './pool.ts';
import { decodeRows, type Row, type ThriftRowSet, type ThriftSchema } from './rows.ts';

export interface StatementOptions {
  /** Settings of this statement only, e.g. `hive.exec.dynamic.partition`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The statement carries values of records: nothing the server quotes from it may reach a message. */
  readonly carriesValues?: boolean;
  /** It may not be carried out twice (INSERT), or the caller repeats it: a refusal is final at once. */
  readonly once?: boolean;
}

type Operation = Awaited<ReturnType<Connection['session']['executeStatement']>>;

const FINISHED = 2;
// Any other state means that the statement still runs or waits.
const FAILED_STATES: Readonly<Record<number, string>> = {
  3: 'it was cancelled',
  4: 'it was closed',
  5: 'it failed',
  6: 'its state is unknown',
  8: 'it ran into a time-out of the server',
};

const ROWS_PER_FETCH = 1000;
// The server answers a status call within its long-polling time-out (5 s by default), however long a statement runs.
const POLL_MS = 60_000;
const POLL_PAUSE_MS_MAX = 100;
const CLOSE_MS = 10_000;

// What two sessions that meet refuse each other is over after a moment; a real refusal comes 2 s later for it.
const RACE_ATTEMPTS = 4;
const RACE_PAUSE_MS = 250;

/** One statement under way: what it may still take, and who may stop it. */
interface Run {
  readonly sql: string;
  readonly signal: AbortSignal;
  readonly options: StatementOptions;
  readonly remainingMs: () => number;
}

/** A client for one HiveServer2. Safe to use by several callers at once; more than four statements wait in line. */
export class HiveClient {
  readonly #pool: ConnectionPool;
  readonly #deps: HiveDeps;
  readonly #statementTimeoutMs: number;

  private constructor(config: Config['hive'], deps: HiveDeps) {
    this.#pool = new ConnectionPool(config, deps);
    this.#deps = deps;
    this.#statementTimeoutMs = config.statementTimeoutMs;
  }

  /**
   * Connects and logs in once, so that a wrong address or password shows here: HIVE_UNAVAILABLE, HIVE_REJECTED or
   * HIVE_TLS within `connectTimeoutMs`.
   */
  static async open(
    config: Config['hive'],
    deps: HiveDeps,
    signal: AbortSignal,
  ): Promise<HiveClient> {
    const client = new HiveClient(config, deps);
    await client.#pool.with(signal, async () => {});
    return client;
  }

  /** Milliseconds spent waiting for HiveServer2 so far, summed over all sessions. */
  get busyMs(): number {
    return this.#pool.busyMs;
  }

  /**
   * Runs a statement to its end. What met trouble while it ran is repeated a few times unless `once` is set.
   * HIVE_REJECTED when the server says no, HIVE_UNAVAILABLE when it cannot be reached,
   * when the connection drops or `statementTimeoutMs` passes: then the outcome is unknown. On abort the statement is
   * cancelled and `signal.reason` thrown.
   */
  async execute(sql: string, signal: AbortSignal, options: StatementOptions = {}): Promise<void> {
    await this.#run(sql, signal, options, async () => {});
  }

  /** Like `execute`, and returns all rows. Ask for what fits in memory. */
  async query(sql: string, signal: AbortSignal, options: StatementOptions = {}): Promise<Row[]> {
    return this.#run(sql, signal, options, fetchRows);
  }

  /**
   * Like `query`, for more than fits in memory: hands on the rows as they come, some thousand at a time, and waits for
   * `onRows` in between. Never repeated, since rows were handed on already.
   */
  async each(
    sql: string,
    onRows: (rows: readonly Row[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#run(sql, signal, { once: true }, (connection, operation, run) =>
      fetchEach(connection, operation, run, onRows),
    );
  }

  /** Ends all sessions; statements still running are cancelled. Never throws. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #run<T>(
    sql: string,
    signal: AbortSignal,
    options: StatementOptions,
    collect: (connection: Connection, operation: Operation, run: Run) => Promise<T>,
  ): Promise<T> {
    const began = this.#deps.clock.monotonic();
    const remainingMs = () =>
      Math.max(1, this.#statementTimeoutMs - (this.#deps.clock.monotonic() - began));
    const run: Run = { sql, signal, options, remainingMs };
    const attempt = () =>
      this.#pool.with(signal, async (connection) => {
        try {
          const operation = await startStatement(connection, run);
          await this.#finish(connection, operation, run);
          const rows = await collect(connection, operation, run);
          await closeOperation(connection, operation);
          return rows;
        } catch (error) {
          if (signal.aborted) throw signal.reason;
          throw translate(connection.at, error);
        }
      });
    for (let refusals = 0, forgotten = 0; ; ) {
      try {
        return await attempt();
      } catch (error) {
        // The server has forgotten an idle session, and may have forgotten all: nothing ran, and a new session helps.
        if (error instanceof SessionGone && forgotten < CONNECTIONS_MAX) {
          forgotten += 1;
          continue;
        }
        refusals += 1;
        const isRace = hasMetTrouble(error) && !isAlreadyThere(error);
        if (!isRace || options.once || refusals === RACE_ATTEMPTS) throw error;
        await this.#deps.clock.sleep(RACE_PAUSE_MS * 2 ** (refusals - 1), signal);
      }
    }
  }

  async #finish(connection: Connection, operation: Operation, run: Run): Promise<void> {
    const { signal, remainingMs } = run;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, POLL_PAUSE_MS_MAX)) {
      const poll = () => operation.status(false);
      const ms = Math.min(remainingMs(), POLL_MS);
      const status = await connection.call('a statement', poll, ms, signal);
      if (status.operationState === FINISHED) return;
      const failure = FAILED_STATES[status.operationState ?? 6];
      if (failure !== undefined) {
        await closeOperation(connection, operation);
        const { errorMessage, errorCode, sqlState } = status;
        const words = { message: errorMessage ?? failure, errorCode, sqlState };
        throw statementError(connection.at, words, run.options.carriesValues === true);
      }
      if (remainingMs() <= 1) {
        connection.destroy();
        throw silentError(connection.at, 'a statement', this.#statementTimeoutMs);
      }
      await this.#deps.clock.sleep(pauseMs, signal).catch((error: unknown) => {
        connection.destroy();
        throw error;
      });
    }
  }
}

async function startStatement(connection: Connection, run: Run): Promise<Operation> {
  const options = {
    // Synchronous statements (the driver's default) go on after their client died.
    runAsync: true,
    // A plain object: the Map of the driver's own types is sent empty.
    confOverlay: { ...run.options.settings } as unknown as Map<string, string>,
  };
  const start = () => connection.session.executeStatement(run.sql, options);
  try {
    return await connection.call('a statement', start, run.remainingMs(), run.signal);
  } catch (error) {
    const words = asServerWords(error);
    if (words === undefined) throw error;
    if (/Invalid SessionHandle|Session does not exist/i.test(words.message)) {
      connection.destroy();
      throw new SessionGone(connection.at);
    }
    throw statementError(connection.at, words, run.options.carriesValues === true);
  }
}

async function fetchRows(connection: Connection, operation: Operation, run: Run): Promise<Row[]> {
  const all: Row[] = [];
  await fetchEach(connection, operation, run, async (rows) => {
    // Not spread into push(): the rows of one fetch may be many.
    for (const row of rows) all.push(row);
  });
  return all;
}

async function fetchEach(
  connection: Connection,
  operation: Operation,
  run: Run,
  onRows: (rows: readonly Row[]) => Promise<void>,
): Promise<void> {
  operation.setMaxRows(ROWS_PER_FETCH);
  do {
    const fetch = () => operation.fetch();
    operation.flush();
    await connection.call('reading rows', fetch, run.remainingMs(), run.signal);
    const schema: ThriftSchema | null = operation.getSchema();
    if (schema === null) return;
    for (const set of operation.getData() as readonly ThriftRowSet[])
      await onRows(decodeRows(schema, set));
  } while (operation.hasMoreRows());
}

// Frees the server's memory. The statement's outcome is known: a failure here only costs the connection.
async function closeOperation(connection: Connection, operation: Operation): Promise<void> {
  const never = new AbortController().signal;
  try {
    await connection.call('closing a statement', () => operation.close(), CLOSE_MS, never);
  } catch {
    connection.destroy();
  }
}

/** The server does not know the session any more; answered by a new session. */
class SessionGone extends PipelineError {
  constructor(at: string) {
    super('HIVE_UNAVAILABLE', `HiveServer2 at ${at} closed the session`, {
      hint: 'The session was idle for longer than the server allows; the step is tried again.',
    });
  }
}

// A StatusError of the driver is no Error: the server's words are its message, Java's stack is its stack.
function asServerWords(error: unknown): ServerWords | undefined {
  if (error instanceof Error || typeof error !== 'object' || error === null) return undefined;
  const { message, code } = error as { message?: unknown; code?: unknown };
  if (typeof message !== 'string') return undefined;
  return { message, errorCode: typeof code === 'number' ? code : undefined, sqlState: undefined };
}

function translate(at: string, error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  const words = asServerWords(error);
  return words === undefined ? connectionError(at, error) : statementError(at, words, true);
}

/** True when HiveServer2 refused with one of these error numbers of Hive. */
export function isHiveError(error: unknown, ...numbers: number[]): error is PipelineError {
  return isCode(error, 'HIVE_REJECTED') && numbers.includes(Number(error.context['errorCode']));
}
