// The topic partitions this process holds in its group, one lane each: sought before they are fetched, checked at every
// fetch, paused while their lane is full. What a record becomes is decided further down, in lane and deliver.
import { setMaxListeners } from 'node:events';
import type { Fetched, GroupConsumer, GroupConsumerListener } from '../clients/kafka/consumer.ts';
import { Stopping } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import type { Lane } from './lane.ts';
import type { Bounds } from './start-offset.ts';

/** What of the group consumer is steered from here. */
export type Steering = Pick<GroupConsumer, 'seek' | 'pause' | 'resume'>;

/** Who is told what comes in. */
type Observer = Pick<ConsumerObserver, 'assigned' | 'read'>;

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
  readonly #topics: readonly string[];
  readonly #consumer: Steering;
  readonly #owner: AssignmentOwner;
  readonly #log: Log;
  readonly #observer: Observer | undefined;
  /** By the name of the topic partition. */
  readonly #held = new Map<string, Held>();
  #mine: readonly TopicPartition[] = [];
  /** Aborts what was begun under the last join. */
  #joined = new AbortController();
  #closed = false;

  constructor(
    topics: readonly string[],
    consumer: Steering,
    owner: AssignmentOwner,
    log: Log,
    observer?: Observer,
  ) {
    this.#topics = topics;
    this.#observer = observer;
    this.#consumer = consumer;
    this.#owner = owner;
    this.#log = log;
  }

  get lanes(): readonly Lane[] {
    return [...this.#held.values()].map(({ lane }) => lane);
  }

  /** Each topic partition that is ours has its lane. */
  get isComplete(): boolean {
    return this.#mine.length > 0 && this.#mine.every((of) => this.#heldOf(of) !== undefined);
  }

  /** How many topic partitions are ours. */
  get size(): number {
    return this.#mine.length;
  }

  // Called synchronously inside the join: a seek made here is applied before the first fetch. Awaiting first and
  // seeking later is a race that reads everything twice.
  assigned(all: readonly TopicPartition[]): void {
    this.#mine = all;
    if (this.#closed) {
      this.#consumer.pause(this.#mine);
      return;
    }
    this.#tellAssigned();
    this.#joined.abort(new Stopping('the group was formed anew'));
    this.#joined = new AbortController();
    // Each partition listens to it; more than ten would be called a leak.
    setMaxListeners(0, this.#joined.signal);
    const mine = new Set(all.map(formatTopicPartition));
    for (const [name, { lane }] of this.#held) {
      if (mine.has(name)) continue;
      lane.abandon(new Stopping('the topic partition moved to another consumer'));
      this.#held.delete(name);
    }
    for (const of of all) {
      const held = this.#heldOf(of);
      // The topic may have been deleted and created again.
      held?.lane.lookAgain();
      if (held) this.#goOn(held);
      else this.#load(of);
    }
  }

  records({ of, from, records, next, end }: Fetched): boolean {
    const held = this.#heldOf(of);
    if (held === undefined || this.#closed) return false;
    if (from !== held.lane.wanted) {
      this.#strayed(held, from);
      return false;
    }
    held.strayedTo = undefined;
    if (this.#looksFirst(held)) return false;
    held.lane.push(records, next);
    this.#observer?.read(of, records.length, end);
    this.#follow(held, next);
    if (held.lane.isFull) this.#consumer.pause([of]);
    return true;
  }

  passedOver(of: TopicPartition, firstOffset: bigint, nextOffset: bigint): void {
    const held = this.#heldOf(of);
    if (held === undefined || this.#closed) return;
    // Reported without where its fetch began. What lies behind `wanted` may follow a hole, or a loss, or an old fetch.
    if (firstOffset > held.lane.wanted) this.#strayed(held, firstOffset);
    else if (nextOffset > held.lane.wanted && !this.#looksFirst(held)) {
      held.lane.passOver(nextOffset);
      this.#follow(held, nextOffset);
    }
  }

  /** For the lane that was full. */
  drained(lane: Lane): void {
    const held = this.#heldOf(lane.of);
    if (this.#closed || held?.lane !== lane) return;
    this.#looksFirst(held);
    this.#consumer.resume([lane.of]);
  }

  interrupted(): void {
    if (this.#closed) return;
    for (const { lane } of this.#held.values()) {
      if (lane.lookAgain()) this.#consumer.seek(lane.of, lane.wanted);
    }
  }

  /**
   * Asks of every lane with nothing to do whether the log still holds its position, and has it look at its last record again.
   * kafkajs says nothing when it jumps to the end of a log that was emptied, or reads another log. Call it now and then.
   */
  checkIdle(): void {
    for (const held of this.#held.values()) {
      if (held.lane.isIdle && !this.#closed) this.#judge(held, undefined);
    }
  }

  /** Takes nothing more in; lanes keep what they hold. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#joined.abort(new Stopping('the consumer stops'));
    this.#consumer.pause(this.#mine);
  }

  #heldOf(of: TopicPartition): Held | undefined {
    return this.#held.get(formatTopicPartition(of));
  }

  #tellAssigned(): void {
    for (const topic of this.#topics) {
      const of = this.#mine.filter((one) => one.topic === topic);
      const partitions = of.map(({ partition }) => partition).sort((a, b) => a - b);
      this.#log.info('partitions assigned', { topic, partitions });
    }
    this.#observer?.assigned(this.#mine);
  }

  /** Fetches from where the lane stands, unless it is full. Paused partitions stay so over joins, but not over restarts. */
  #goOn(held: Held): void {
    const { of, wanted, isFull } = held.lane;
    held.strayedTo = undefined;
    this.#consumer.seek(of, wanted);
    if (isFull) this.#consumer.pause([of]);
    else this.#consumer.resume([of]);
  }

  /** After a quiet time nothing is taken before the lane has looked at its last record again. */
  #looksFirst({ lane }: Held): boolean {
    if (!lane.isQuiet || !lane.lookAgain()) return false;
    this.#consumer.seek(lane.of, lane.wanted);
    return true;
  }

  /** A lane that has looked back leaves out the offsets it does not want. */
  #follow({ lane }: Held, nextOffset: bigint): void {
    if (lane.wanted > nextOffset) this.#consumer.seek(lane.of, lane.wanted);
  }

  #load(of: TopicPartition): void {
    this.#consumer.pause([of]);
    const { signal } = this.#joined;
    this.#owner
      .openLane(of, signal)
      .then((lane) => {
        // Another join while it was loading: that join loads again, on what is true by then.
        if (signal.aborted) return;
        const held = { lane, strayedTo: undefined };
        this.#held.set(formatTopicPartition(of), held);
        this.#goOn(held);
      })
      .catch((error) => {
        if (!signal.aborted) this.#owner.onFailed(error);
      });
  }

  /**
   * A fetch began elsewhere than the lane stands. Once: it was under way before the seek, so seek again. Twice at the same
   * place: either the offsets between hold no record, or they are gone and kafkajs has jumped without a word.
   */
  #strayed(held: Held, offset: bigint): void {
    const { of, wanted } = held.lane;
    if (held.strayedTo === offset) {
      this.#consumer.pause([of]);
      this.#judge(held, offset);
    } else {
      held.strayedTo = offset;
      this.#consumer.seek(of, wanted);
    }
  }

  /** Goes on from `jumpedTo` if the log still holds what the lane wants; decides the position anew if it does not. */
  #judge(held: Held, jumpedTo: bigint | undefined): void {
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
      if (signal.aborted || this.#heldOf(lane.of) !== held) return;
      if (kept) {
        lane.passOver(jumpedTo ?? lane.wanted);
        this.#goOn(held);
      } else {
        this.#held.delete(formatTopicPartition(lane.of));
        this.#load(lane.of);
      }
    };
    judge().catch((error) => {
      if (!signal.aborted) this.#owner.onFailed(error);
    });
  }
}
