// The servers of a chaos run: a stack of its own whose nodes are killed, frozen and brought back. Whatever ends this process,
// no server outlives it.
import { rmSync } from 'node:fs';
import { silentLog } from '../../../pipeline/log.ts';
import { readState, type StackState } from '../../../stack/data-dir.ts';
import { startOne, type UpOptions, up, wipe } from '../../../stack/launch.ts';
import { allNodes, type StackEndpoints } from '../../../stack/layout.ts';
import { signalGroup } from '../../../stack/process.ts';
import { killNode, nodePid, signalNode } from '../../../stack/run.ts';
import { eventually } from '../../support/eventually.ts';
import type { NodeName } from '../fault.ts';

/** A node that has not come back after this long never will. */
const SERVES_MS = 5 * 60_000;

export class Servers {
  readonly endpoints: StackEndpoints;
  readonly nodes: readonly NodeName[];
  readonly #options: UpOptions;
  readonly #state: StackState;
  readonly #forget: () => void;

  private constructor(options: UpOptions, endpoints: StackEndpoints, state: StackState) {
    this.#options = options;
    this.endpoints = endpoints;
    this.#state = state;
    this.nodes = allNodes('', state).map(({ name }) => name as NodeName);
    this.#forget = whenThisEnds(() => this.#killAll());
  }

  /** Starts everything in `dataDir`. Throws what `up` throws, with nothing left behind. */
  static async start(dataDir: string, brokers: 1 | 3, signal: AbortSignal): Promise<Servers> {
    const options: UpOptions = { dataDir, brokers, ports: 'free', log: silentLog, signal };
    try {
      const endpoints = await up(options);
      const state = await readState(dataDir);
      if (state === undefined) throw new Error(`${dataDir} holds no stack`);
      return new Servers(options, endpoints, state);
    } catch (error) {
      await wipe({ dataDir, log: silentLog });
      throw error;
    }
  }

  /** Ends a node as a crash would; nothing happens when it is dead already. */
  async kill(name: NodeName): Promise<void> {
    if (this.#pid(name) !== undefined) await killNode(this.#options.dataDir, name);
  }

  /** Holds a node by SIGSTOP; nothing happens when it is dead. */
  freeze(name: NodeName): void {
    if (this.#pid(name) !== undefined) signalNode(this.#options.dataDir, name, 'SIGSTOP');
  }

  /** Brings a node back from whatever was done to it, and resolves when it serves. */
  async revive(name: NodeName): Promise<void> {
    if (this.#pid(name) !== undefined) signalNode(this.#options.dataDir, name, 'SIGCONT');
    else await startOne(this.#options, name);
    await this.serves(name);
  }

  /** Resolves when a node serves; throws what is missing when it does not within five minutes. */
  async serves(name: NodeName): Promise<void> {
    const node = allNodes(this.#options.dataDir, this.#state).find((each) => each.name === name);
    await eventually(async () => {
      this.#options.signal.throwIfAborted();
      const missing = await node?.missing();
      if (missing !== undefined) throw new Error(`${name} lacks ${missing}`);
    }, SERVES_MS);
  }

  /** Stops everything and deletes its data. */
  async close(): Promise<void> {
    await wipe({ dataDir: this.#options.dataDir, log: silentLog });
    this.#forget();
  }

  #pid(name: NodeName): number | undefined {
    return nodePid(this.#options.dataDir, name);
  }

  #killAll(): void {
    for (const name of this.nodes) signalGroup(this.#pid(name) ?? 0, 'SIGKILL');
    rmSync(this.#options.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Calls `end` when this process leaves, also by a signal that nobody else takes. The returned function takes that back. */
function whenThisEnds(end: () => void): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return;
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('exit', end);
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return () => {
    process.off('exit', end);
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  };
}
