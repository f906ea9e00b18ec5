// An assignment whose Kafka and start positions are in the hands of the test: what it asks for is written down.
import { setImmediate as turn } from 'node:timers/promises';
import { Assignment } from '../../consumer/assignment.ts';
import { Lane } from '../../consumer/lane.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { RecordFingerprint } from '../../pipeline/ledger.ts';
import { silentLog } from '../../pipeline/log.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { type Deferred, deferred } from '../../pipeline/retry.ts';

export const record = (offset: number): PipelineRecord => ({
  offset: BigInt(offset),
  timestamp: 0,
  key: null,
  value: Buffer.alloc(10),
  headers: undefined,
});

export const of = (partition: number, topic = 'posts'): TopicPartition => ({ topic, partition });
const numbers = (all: readonly TopicPartition[]) => all.map(({ partition }) => partition);

export class AssignmentHands {
  readonly calls: string[] = [];
  readonly failures: unknown[] = [];
  readonly loads = new Map<string, Deferred<bigint>>();
  readonly #end = deferred<never>();
  logStart = 0n;
  /** What the ledger says was the last record of every partition. */
  last: RecordFingerprint | undefined;
  readonly assignment = new Assignment(
    ['posts'],
    {
      seek: ({ partition }, offset) => this.calls.push(`seek ${partition} ${offset}`),
      pause: (all) => this.calls.push(`pause ${numbers(all)}`),
      resume: (all) => this.calls.push(`resume ${numbers(all)}`),
    },
    {
      openLane: async (of) => {
        const load = deferred<bigint>();
        this.loads.set(formatTopicPartition(of), load);
        return this.#lane(of, await load.promise);
      },
      bounds: async () => ({ logStart: this.logStart, highWatermark: 1000n }),
      onFailed: (error) => this.failures.push(error),
    },
    silentLog,
  );

  #lane(of: TopicPartition, position: bigint): Lane {
    const limits = {
      size: 2,
      bytesMax: 1e6,
      ageMsMax: 1e6,
      idleMsMax: 1e6,
      heldBytesMax: () => 100,
    };
    const owner = {
      deliver: () => this.#end.promise,
      onDrained: (lane: Lane) => this.assignment.drained(lane),
      onFailed: (error: unknown) => this.failures.push(error),
    };
    const start = { position, last: this.last, origin: 0n, logStart: this.logStart };
    return new Lane(of, start, limits, owner, systemClock);
  }

  /** Ends every delivery under way, as failed. */
  async lanesEnd(): Promise<void> {
    this.#end.reject(new Error('ended by the test'));
    await turn();
  }

  async load(partition: number, position: bigint, topic = 'posts'): Promise<void> {
    this.loads.get(`${topic}-${partition}`)?.resolve(position);
    await turn();
  }

  assigned(...partitions: number[]): void {
    this.assignment.assigned(partitions.map((partition) => of(partition)));
  }

  fetched(
    partition: number,
    from: bigint,
    records: readonly PipelineRecord[],
    next: bigint,
  ): boolean {
    return this.assignment.records({ of: of(partition), from, records, next, end: 1000n });
  }

  taken(): string[] {
    return this.calls.splice(0);
  }

  get wanted(): Record<string, string> {
    return Object.fromEntries(this.assignment.lanes.map((l) => [l.of.partition, `${l.wanted}`]));
  }
}
