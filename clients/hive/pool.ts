// A small pool of connections to HiveServer2, each used by one statement at a time.
import type { Config } from '../../params/schema.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import { type Deferred, deferred } from '../../pipeline/retry.ts';
import { Connection } from './connection.ts';

export interface HiveDeps {
  readonly log: Log;
  readonly clock: Clock;
}

export const CONNECTIONS_MAX = 4;

/** Opens connections as they are needed, four at most; further callers wait in line. Broken ones are replaced. */
export class ConnectionPool {
  readonly #config: Config['hive'];
  readonly #deps: HiveDeps;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting: Deferred<void>[] = [];
  #slots = CONNECTIONS_MAX;
  #closed = false;
  #busyMs = 0;

  constructor(config: Config['hive'], deps: HiveDeps) {
    this.#config = config;
    this.#deps = deps;
  }

  /** Milliseconds connections were in use (or being opened) so far, summed over all of them. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** Lends a connection to `use`. Throws what `use` or opening throws. */
  async with<T>(signal: AbortSignal, use: (connection: Connection) => Promise<T>): Promise<T> {
    await this.#takeSlot(signal);
    const began = this.#deps.clock.monotonic();
    let connection: Connection | undefined;
    try {
      connection = await this.#take(signal);
      return await use(connection);
    } finally {
      this.#busyMs += this.#deps.clock.monotonic() - began;
      if (connection !== undefined) this.#giveBack(connection);
      this.#freeSlot();
    }
  }

  /** Ends all connections; statements still running are cancelled. Never throws. */
  async close(): Promise<void> {
    this.#closed = true;
    const idle = this.#idle.splice(0);
    for (const connection of this.#open) if (!idle.includes(connection)) connection.destroy();
    await Promise.all(idle.map((connection) => connection.close()));
    this.#open.clear();
  }

  async #take(signal: AbortSignal): Promise<Connection> {
    if (this.#closed) throw new PipelineError('BUG', 'a statement on a closed HiveClient');
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.broken) return idle;
      this.#open.delete(idle);
    }
    const connection = await Connection.open(this.#config, signal);
    this.#open.add(connection);
    this.#deps.log.debug('connected to HiveServer2', { at: connection.at });
    return connection;
  }

  #giveBack(connection: Connection): void {
    if (!connection.broken && !this.#closed) {
      this.#idle.push(connection);
      return;
    }
    connection.destroy();
    this.#open.delete(connection);
  }

  async #takeSlot(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#slots > 0) {
      this.#slots -= 1;
      return;
    }
    const turn = deferred<void>();
    this.#waiting.push(turn);
    const onAbort = () => {
      const at = this.#waiting.indexOf(turn);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      turn.reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    await turn.promise.finally(() => signal.removeEventListener('abort', onAbort));
  }

  #freeSlot(): void {
    const next = this.#waiting.shift();
    if (next) next.resolve();
    else this.#slots += 1;
  }
}
