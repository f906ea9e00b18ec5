// What the chaos run does to the pipeline: the faults a schedule is made of, and the world they happen in. Plain JSON, so
// that a schedule can be printed, kept and replayed.
import type { Config } from '../../params/schema.ts';
import type { DeliveryStep } from '../support/delivery-steps.ts';

/** A node of the stack: `broker 1`, `namenode`, `datanode 1`, `hive`, as stack/layout.ts names it. */
export type NodeName = 'namenode' | 'hive' | `broker ${number}` | `datanode ${number}`;

/** A service as the clients see it: what a proxy stands in front of. */
export const PROXIED = ['kafka', 'namenode', 'datanode', 'hive'] as const;
export type Proxied = (typeof PROXIED)[number];

interface At {
  /** Milliseconds after the faults began. */
  readonly atMs: number;
  /** Milliseconds until it is undone; 0 for what is over at once. */
  readonly durationMs: number;
}

/** Done by the runner to the processes it has started. `target` is the number of the producer or consumer, from 0. */
export type ProcessFault = At & { readonly target: number } & (
    | { readonly kind: 'kill-producer' | 'kill-consumer' }
    /** SIGSTOP, past the session time-out; SIGCONT after `durationMs`. */
    | { readonly kind: 'freeze-consumer' }
    /** The consumer does it to itself right after its next delivery has passed `step`. */
    | { readonly kind: 'aimed'; readonly step: DeliveryStep; readonly how: 'kill' | 'freeze' }
    /** A consumer more joins and leaves again, every `everyMs`. */
    | { readonly kind: 'join-leave'; readonly everyMs: number }
    /** No write of the consumer to its state directory succeeds. */
    | { readonly kind: 'state-disk-full' }
  );

/** Done to the servers. `freeze-service`: SIGSTOP, then SIGCONT. A killed node is started again after `durationMs`. */
export type NodeFault = At & {
  readonly kind: 'kill-service' | 'freeze-service';
  readonly target: NodeName;
};

/** Done to the connections of one client (`client`, as given to `ChaosWorld.config`), or of all. */
export type NetworkFault = At & {
  readonly target: Proxied;
  readonly client?: number;
} & (
    | /** Every connection is reset, and new ones are refused for `durationMs`. */
    { readonly kind: 'cut' }
    /** Bytes vanish without a word, connections stay; all of them are reset after `durationMs`. */
    | { readonly kind: 'half-open'; readonly direction: 'to-client' | 'to-server' | 'both' }
    /** Each chunk is handed on `delayMs` late. */
    | { readonly kind: 'delay'; readonly delayMs: number }
  );

/** What a `ChaosWorld` executes. */
export type WorldFault = NodeFault | NetworkFault;
export type Fault = ProcessFault | WorldFault;

/** The servers and the network between them and the clients. */
export interface ChaosWorld {
  /** Nodes that `kill-service` and `freeze-service` may name; empty where the servers are not ours to hurt. */
  readonly nodes: readonly NodeName[];
  /** Settings of client number `client` (from 0 to the `clients` the world was opened for): all of its connections go through proxies. */
  config(client: number): Config;
  /** The servers without proxies, for those who check. */
  readonly direct: Config;
  /** Base URI of HDFS, for a table's location. */
  readonly hdfsUri: string;
  /** Resolves when the fault is over and undone, with everything it hit serving again. Faults may overlap, also on one target. */
  inject(fault: WorldFault): Promise<void>;
  /** Every node runs, no proxy misbehaves, and every service serves. Callable at any time; ends faults under way. */
  heal(): Promise<void>;
  /** Stops and deletes what the world has started. */
  close(): Promise<void>;
}

/** Options of `openChaosWorld` (test/chaos/nemesis/world.ts). */
export interface WorldOptions {
  /** Clients that get settings of their own, from 1. */
  readonly clients: number;
  /** Default: 1. */
  readonly brokers?: 1 | 3;
  /** Data directory of an own stack; it must not exist yet or be empty. */
  readonly dataDir: string;
  /** Endpoints of a running stack to put proxies in front of, as `endpoints.json` has them; then no stack is started. */
  readonly endpoints?: string;
  /** When it aborts, everything this call has started is stopped again. */
  readonly signal: AbortSignal;
}
