// The nemesis: a world of servers and proxies in which it executes the faults of a schedule and heals what it did.
import { readFileSync } from 'node:fs';
import { HiveClient } from '../../../clients/hive/session.ts';
import { systemClock } from '../../../pipeline/clock.ts';
import { silentLog } from '../../../pipeline/log.ts';
import type { StackEndpoints } from '../../../stack/layout.ts';
import { eventually } from '../../support/eventually.ts';
import type {
  ChaosWorld,
  NetworkFault,
  NodeFault,
  NodeName,
  WorldFault,
  WorldOptions,
} from '../fault.ts';
import { configFor, Network } from './network.ts';
import { Servers } from './servers.ts';

const HEAL_MS = 3 * 60_000;

/** Opens a world: a stack of its own, or with `endpoints` only proxies in front of a running one. */
export async function openChaosWorld(options: WorldOptions): Promise<World> {
  const { dataDir, brokers = 1, clients, signal } = options;
  if (options.endpoints !== undefined) {
    const endpoints = JSON.parse(readFileSync(options.endpoints, 'utf8')) as StackEndpoints;
    return new World(endpoints, await Network.open(endpoints, clients), undefined);
  }
  const servers = await Servers.start(dataDir, brokers, signal);
  try {
    const { endpoints } = servers;
    return new World(endpoints, await Network.open(endpoints, clients), servers);
  } catch (error) {
    await servers.close();
    throw error;
  }
}

export class World implements ChaosWorld {
  readonly nodes: readonly NodeName[];
  readonly direct: ChaosWorld['direct'];
  readonly hdfsUri: string;
  readonly network: Network;
  readonly #servers: Servers | undefined;
  /** What is done to a node waits until what was done to it before is undone. */
  readonly #turns = new Map<NodeName, Promise<void>>();
  readonly #underWay = new Set<Promise<void>>();
  #healing = new AbortController();

  constructor(endpoints: StackEndpoints, network: Network, servers: Servers | undefined) {
    this.network = network;
    this.#servers = servers;
    this.nodes = servers?.nodes ?? [];
    this.direct = configFor(endpoints);
    this.hdfsUri = endpoints.hdfs.uri;
  }

  config(client: number): ChaosWorld['direct'] {
    return this.network.config(client);
  }

  async inject(fault: WorldFault): Promise<void> {
    const work = isNodeFault(fault) ? this.#inTurn(fault) : this.#disturb(fault);
    this.#underWay.add(work);
    try {
      await work;
    } finally {
      this.#underWay.delete(work);
    }
  }

  async heal(): Promise<void> {
    await this.#end();
    this.#healing = new AbortController();
    // All at once: one may need another to come back.
    await Promise.all(this.nodes.map((node) => this.#servers?.revive(node)));
    await eventually(() => this.#askHive(), HEAL_MS, 500);
  }

  async close(): Promise<void> {
    await this.#end();
    await this.network.close();
    await this.#servers?.close();
  }

  /** Ends the faults under way; each undoes itself. What one of them throws goes to whoever injected it. */
  async #end(): Promise<void> {
    this.#healing.abort();
    await Promise.allSettled(this.#underWay);
  }

  async #inTurn(fault: NodeFault): Promise<void> {
    const before = this.#turns.get(fault.target) ?? Promise.resolve();
    const turn = before.then(() => this.#strike(fault));
    this.#turns.set(
      fault.target,
      turn.catch(() => {}),
    );
    await turn;
  }

  async #strike({ kind, target, durationMs }: NodeFault): Promise<void> {
    const servers = this.#servers;
    if (!servers?.nodes.includes(target)) throw new Error(`${target} is not ours to hurt`);
    if (this.#healing.signal.aborted) return;
    if (kind === 'freeze-service') servers.freeze(target);
    else await servers.kill(target);
    const accept = kind === 'kill-service' ? await this.network.refuse(target) : undefined;
    await this.#pause(durationMs);
    const serves = servers.revive(target);
    // From now on it answers as a server does that is about to start.
    await accept?.();
    await serves;
  }

  async #disturb(fault: NetworkFault): Promise<void> {
    const end = await this.network.impose(fault);
    await this.#pause(fault.durationMs);
    await end();
  }

  /** Healing ends it early. */
  async #pause(ms: number): Promise<void> {
    await systemClock.sleep(ms, this.#healing.signal).catch(() => {});
  }

  /** A statement that needs the metastore and HDFS. */
  async #askHive(): Promise<void> {
    const { signal } = new AbortController();
    const deps = { log: silentLog, clock: systemClock };
    const hive = await HiveClient.open(this.direct.hive, deps, signal);
    try {
      await hive.query('SHOW DATABASES', signal);
      await hive.query('SELECT 1', signal);
    } finally {
      await hive.close();
    }
  }
}

const isNodeFault = (fault: WorldFault): fault is NodeFault =>
  fault.kind === 'kill-service' || fault.kind === 'freeze-service';
