// The topic partitions this process holds in its group, one lane each: sought before they are fetched, checked at every
// fetch, paused while their lane is full. What a record becomes is decided further down, in lane and deliver.
import type { GroupConsumer, GroupConsumerListener } from '../clients/kafka/consumer.ts';
import { Stopping } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import type { TopicPartition } from '../pipeline/range.ts';
import type { PipelineRecord } from '../pipeline/record.ts';
import type { Lane } from './lane.ts';

/** What of the group consumer is steered from here. */
export type Steering = Pick<GroupConsumer, 'seek' | 'pause' | 'resume'>;

export interface AssignmentOwner {
  /** Decides where `of` is read from and makes its lane. May take long; retries inside. */
  openLane(of: TopicPartition, signal: AbortSignal): Promise<Lane>;
  /** True if `position` lies within the log (so that a jump of the fetch is a hole in it, not a loss). */
  isKept(of: TopicPartition, position: bigint): Promise<boolean>;
  onFailed(error: unknown): void;
}

interface Held {
  readonly lane: Lane;
  /** A fetch began exactly where the lane stands since the last seek: what follows is one unbroken chain. */
  inStep: boolean;
  /** Where a fetch began that should have begun at `lane.wanted`. */
  strayedTo: bigint | undefined;
}

export class Assignment implements GroupConsumerListener {
  readonly #topic: string;
  readonly #consumer: Steering;
  readonly #owner: AssignmentOwner;
  readonly #log: Log;
  readonly #held = new Map<number, Held>();
  readonly #paused = new Set<number>();
  #mine: readonly number[] = [];
  #loading = new AbortController();
  #closed = false;

  constructor(topic: string, consumer: Steering, owner: AssignmentOwner, log: Log) {
    this.#topic = topic;
    this.#consumer = consumer;
    this.#owner = owner;
    this.#log = log;
  }

  get lanes(): readonly Lane[] {
    return [...this.#held.values()].map(({ lane }) => lane);
  }

  /** Partitions assigned whose lane stands. */
  get isComplete(): boolean {
    return this.#mine.length > 0 && this.#mine.every((partition) => this.#held.has(partition));
  }

  get partitions(): readonly number[] {
    return this.#mine;
  }

  // Called synchronously inside the join: a seek made here is applied before the first fetch. Awaiting first and
  // seeking later is a race that reads everything twice.
  assigned(partitions: readonly number[]): void {
    if (this.#closed) return;
    this.#mine = [...partitions].sort((a, b) => a - b);
    this.#log.info('partitions assigned', { topic: this.#topic, partitions: this.#mine });
    this.#loading.abort(new Stopping('the group was formed anew'));
    this.#loading = new AbortController();
    for (const [partition, { lane }] of this.#held) {
      if (partitions.includes(partition)) continue;
      lane.abandon(new Stopping('the topic partition moved to another consumer'));
      this.#held.delete(partition);
      this.#resume(partition);
    }
    for (const partition of partitions) {
      const held = this.#held.get(partition);
      if (held) this.#seek(partition, held);
      else this.#load(partition);
    }
  }

  records(
    partition: number,
    fetchedOffset: bigint,
    records: readonly PipelineRecord[],
    nextOffset: bigint,
  ): boolean {
    const held = this.#held.get(partition);
    if (held === undefined || this.#closed) return false;
    if (fetchedOffset !== held.lane.wanted) {
      this.#strayed(partition, held, fetchedOffset);
      return false;
    }
    held.inStep = true;
    held.strayedTo = undefined;
    held.lane.push(records, nextOffset);
    if (held.lane.isFull) this.#pause(partition);
    return true;
  }

  passedOver(partition: number, firstOffset: bigint, nextOffset: bigint): void {
    const held = this.#held.get(partition);
    // A batch that was fetched before the last seek may still be reported. It counts only if it continues the chain
    // or begins exactly where the lane stands.
    if (held && (held.inStep || firstOffset === held.lane.wanted)) held.lane.passOver(nextOffset);
  }

  /** For the lane that was full. */
  drained(lane: Lane): void {
    if (this.#held.get(lane.of.partition)?.lane === lane) this.#resume(lane.of.partition);
  }

  /** Takes nothing more in; lanes keep what they hold. */
  close(): void {
    this.#closed = true;
    this.#loading.abort(new Stopping('the consumer stops'));
    for (const partition of this.#mine) this.#pause(partition);
  }

  #load(partition: number): void {
    this.#pause(partition);
    const { signal } = this.#loading;
    const of = { topic: this.#topic, partition };
    this.#owner.openLane(of, signal).then(
      (lane) => {
        // Another join while it was loading: that join loads again, on what is true by then.
        if (signal.aborted) return;
        const held = { lane, inStep: false, strayedTo: undefined };
        this.#held.set(partition, held);
        this.#seek(partition, held);
        this.#resume(partition);
      },
      (error) => {
        if (!signal.aborted) this.#owner.onFailed(error);
      },
    );
  }

  /**
   * A fetch began elsewhere than the lane stands. Once: it was under way before the seek, so seek again. Twice at the same
   * place: either the offsets between hold no record, or they are gone and kafkajs has jumped without a word.
   */
  #strayed(partition: number, held: Held, fetchedOffset: bigint): void {
    const { lane } = held;
    if (held.strayedTo !== fetchedOffset) {
      held.strayedTo = fetchedOffset;
      this.#seek(partition, held);
      return;
    }
    this.#pause(partition);
    const { signal } = this.#loading;
    this.#owner.isKept(lane.of, lane.wanted).then(
      async (kept) => {
        if (kept) {
          lane.passOver(fetchedOffset);
        } else {
          lane.cut('stop');
          await lane.settled();
        }
        if (signal.aborted || this.#held.get(partition) !== held) return;
        if (kept) {
          held.strayedTo = undefined;
          this.#seek(partition, held);
          this.#resume(partition);
        } else {
          this.#held.delete(partition);
          this.#load(partition);
        }
      },
      (error) => this.#owner.onFailed(error),
    );
  }

  #seek(partition: number, held: Held): void {
    held.inStep = false;
    this.#consumer.seek(partition, held.lane.wanted);
  }

  #pause(partition: number): void {
    this.#paused.add(partition);
    this.#consumer.pause([partition]);
  }

  // kafkajs keeps the paused state over joins, so whatever was paused must be resumed by us.
  #resume(partition: number): void {
    if (this.#closed || !this.#paused.delete(partition)) return;
    this.#consumer.resume([partition]);
  }
}
