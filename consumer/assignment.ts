// The topic partitions this process holds in its group, one lane each: sought before they are fetched, checked at every
// fetch, paused while their lane is full. What a record becomes is decided further down, in lane and deliver.
import { setMaxListeners } from 'node:events';
import type { GroupConsumer, GroupConsumerListener } from '../clients/kafka/consumer.ts';
import { Stopping } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import type { TopicPartition } from '../pipeline/range.ts';
import type { PipelineRecord } from '../pipeline/record.ts';
import type { Lane } from './lane.ts';
import type { Bounds } from './start-offset.ts';

/** What of the group consumer is steered from here. */
export type Steering = Pick<GroupConsumer, 'seek' | 'pause' | 'resume'>;

export interface AssignmentOwner {
  /** Decides where `of` is read from and makes its lane. May take long; retries inside. */
  openLane(of: TopicPartition, signal: AbortSignal): Promise<Lane>;
  /** Log start and high watermark, now. Retries inside. */
  bounds(of: TopicPartition, signal: AbortSignal): Promise<Bounds>;
  onFailed(error: unknown): void;
}

interface Held {
  readonly lane: Lane;
  /** Where a fetch began that should have begun at `lane.wanted`. */
  strayedTo: bigint | undefined;
}

export class Assignment implements GroupConsumerListener {
  readonly #topic: string;
  readonly #consumer: Steering;
  readonly #owner: AssignmentOwner;
  readonly #log: Log;
  readonly #held = new Map<number, Held>();
  #mine: readonly number[] = [];
  /** Aborts what was begun under the last join. */
  #joined = new AbortController();
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
    this.#mine = [...partitions].sort((a, b) => a - b);
    if (this.#closed) {
      this.#consumer.pause(this.#mine);
      return;
    }
    this.#log.info('partitions assigned', { topic: this.#topic, partitions: this.#mine });
    this.#joined.abort(new Stopping('the group was formed anew'));
    this.#joined = new AbortController();
    // Each partition listens to it; more than ten would be called a leak.
    setMaxListeners(0, this.#joined.signal);
    for (const [partition, { lane }] of this.#held) {
      if (partitions.includes(partition)) continue;
      lane.abandon(new Stopping('the topic partition moved to another consumer'));
      this.#held.delete(partition);
    }
    for (const partition of partitions) {
      const held = this.#held.get(partition);
      // The topic may have been deleted and created again.
      held?.lane.lookAgain();
      if (held) this.#goOn(partition, held);
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
    held.strayedTo = undefined;
    if (this.#looksFirst(partition, held)) return false;
    held.lane.push(records, nextOffset);
    this.#follow(partition, held, nextOffset);
    if (held.lane.isFull) this.#consumer.pause([partition]);
    return true;
  }

  passedOver(partition: number, firstOffset: bigint, nextOffset: bigint): void {
    const held = this.#held.get(partition);
    if (held === undefined || this.#closed) return;
    // Reported without where its fetch began. What lies behind `wanted` may follow a hole, or a loss, or an old fetch.
    if (firstOffset > held.lane.wanted) this.#strayed(partition, held, firstOffset);
    else if (nextOffset > held.lane.wanted && !this.#looksFirst(partition, held)) {
      held.lane.passOver(nextOffset);
      this.#follow(partition, held, nextOffset);
    }
  }

  /** For the lane that was full. */
  drained(lane: Lane): void {
    const { partition } = lane.of;
    const held = this.#held.get(partition);
    if (this.#closed || held?.lane !== lane) return;
    this.#looksFirst(partition, held);
    this.#consumer.resume([partition]);
  }

  interrupted(): void {
    if (this.#closed) return;
    for (const [partition, { lane }] of this.#held) {
      if (lane.lookAgain()) this.#consumer.seek(partition, lane.wanted);
    }
  }

  /**
   * Asks of every lane with nothing to do whether the log still holds its position, and has it look at its last record again.
   * kafkajs says nothing when it jumps to the end of a log that was emptied, or reads another log. Call it now and then.
   */
  checkIdle(): void {
    for (const [partition, held] of this.#held) {
      if (held.lane.isIdle && !this.#closed) this.#judge(partition, held, undefined);
    }
  }

  /** Takes nothing more in; lanes keep what they hold. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#joined.abort(new Stopping('the consumer stops'));
    this.#consumer.pause(this.#mine);
  }

  /** Fetches from where the lane stands, unless it is full. Paused partitions stay so over joins, but not over restarts. */
  #goOn(partition: number, held: Held): void {
    held.strayedTo = undefined;
    this.#consumer.seek(partition, held.lane.wanted);
    if (held.lane.isFull) this.#consumer.pause([partition]);
    else this.#consumer.resume([partition]);
  }

  /** After a quiet time nothing is taken before the lane has looked at its last record again. */
  #looksFirst(partition: number, { lane }: Held): boolean {
    if (!lane.isQuiet || !lane.lookAgain()) return false;
    this.#consumer.seek(partition, lane.wanted);
    return true;
  }

  /** A lane that has looked back leaves out the offsets it does not want. */
  #follow(partition: number, { lane }: Held, nextOffset: bigint): void {
    if (lane.wanted > nextOffset) this.#consumer.seek(partition, lane.wanted);
  }

  #load(partition: number): void {
    this.#consumer.pause([partition]);
    const { signal } = this.#joined;
    this.#owner
      .openLane({ topic: this.#topic, partition }, signal)
      .then((lane) => {
        // Another join while it was loading: that join loads again, on what is true by then.
        if (signal.aborted) return;
        const held = { lane, strayedTo: undefined };
        this.#held.set(partition, held);
        this.#goOn(partition, held);
      })
      .catch((error) => {
        if (!signal.aborted) this.#owner.onFailed(error);
      });
  }

  /**
   * A fetch began elsewhere than the lane stands. Once: it was under way before the seek, so seek again. Twice at the same
   * place: either the offsets between hold no record, or they are gone and kafkajs has jumped without a word.
   */
  #strayed(partition: number, held: Held, offset: bigint): void {
    if (held.strayedTo === offset) {
      this.#consumer.pause([partition]);
      this.#judge(partition, held, offset);
    } else {
      held.strayedTo = offset;
      this.#consumer.seek(partition, held.lane.wanted);
    }
  }

  /** Goes on from `jumpedTo` if the log still holds what the lane wants; decides the position anew if it does not. */
  #judge(partition: number, held: Held, jumpedTo: bigint | undefined): void {
    const { lane } = held;
    const { signal } = this.#joined;
    const judge = async () => {
      const { logStart, highWatermark } = await this.#owner.bounds(lane.of, signal);
      const kept = lane.wanted >= logStart && lane.wanted <= highWatermark;
      if (kept && jumpedTo === undefined && !lane.lookAgain(logStart)) return;
      if (!kept) {
        lane.cut();
        await lane.settled();
      }
      if (signal.aborted || this.#held.get(partition) !== held) return;
      if (kept) {
        lane.passOver(jumpedTo ?? lane.wanted);
        this.#goOn(partition, held);
      } else {
        this.#held.delete(partition);
        this.#load(partition);
      }
    };
    judge().catch((error) => {
      if (!signal.aborted) this.#owner.onFailed(error);
    });
  }
}
