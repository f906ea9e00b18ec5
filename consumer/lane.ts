// One topic partition on its way: collects records into batches and delivers them one after the other. A lane knows
// neither Kafka nor the group; whoever feeds it asks `isFull` and stops, and starts again when `onDrained` calls.
import { type Batch, BatchBuilder, type BatchLimits, trimBatch } from '../pipeline/batch.ts';
import type { Clock } from '../pipeline/clock.ts';
import { invariant } from '../pipeline/errors.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import { formatRange, type TopicPartition } from '../pipeline/range.ts';
import type { PipelineRecord } from '../pipeline/record.ts';
import type { Repeats } from './dedupe.ts';
import { LookBack, type Start } from './look-back.ts';

export interface LaneLimits extends BatchLimits {
  /** Milliseconds after its first record at which an open batch is cut. */
  readonly ageMsMax: number;
  /** Milliseconds after its last record at which an open batch is cut. */
  readonly idleMsMax: number;
  /** Bytes held, open and waiting batches together, from which on the lane is full. Asked each time. */
  readonly heldBytesMax: () => number;
}

export interface LaneOwner {
  deliver(batch: Batch, signal: AbortSignal): Promise<BatchRecord>;
  /** A batch was delivered and the lane is not full (any more): it may be fed. */
  onDrained(lane: Lane): void;
  /** Delivery failed for good. The lane delivers nothing more. */
  onFailed(error: unknown): void;
}

/** How long a log may have nothing to give before it is taken to be empty from there to its end. */
const STILL_MS = 15_000;
/** A lane that got nothing for so long may have missed that its topic was deleted and created again. */
const QUIET_MS = 1000;

/** With a batch under way and another one waiting, what is held beyond this only costs memory. */
const ENOUGH_BYTES = 4 * 1024 * 1024;

interface Waiting {
  readonly batch: Batch;
  readonly bytes: number;
}

export class Lane {
  readonly of: TopicPartition;
  readonly #limits: LaneLimits;
  readonly #clock: Clock;
  readonly #owner: LaneOwner;
  readonly #builder: BatchBuilder;
  readonly #lookBack: LookBack;
  readonly #abort = new AbortController();
  readonly #waiting: Waiting[] = [];
  #position: bigint;
  /** Offsets in the open batch. */
  #repeats = new Set<bigint>();
  #heldBytes = 0;
  #fedAt: number;
  #running: Promise<void> | undefined;

  constructor(
    of: TopicPartition,
    start: Start,
    limits: LaneLimits,
    owner: LaneOwner,
    clock: Clock,
    repeats?: Repeats,
  ) {
    this.of = of;
    this.#position = start.position;
    this.#fedAt = clock.monotonic();
    this.#limits = limits;
    this.#owner = owner;
    this.#clock = clock;
    this.#builder = new BatchBuilder(of, start.position, limits, clock);
    this.#lookBack = new LookBack(of, start, repeats);
  }

  /** The next offset that is not delivered yet. */
  get position(): bigint {
    return this.#position;
  }

  /** The next offset this lane wants to be fed: in front of its position while it looks back. */
  get wanted(): bigint {
    return this.#lookBack.next ?? this.#builder.position;
  }

  /** Has got every record before `end`. Where it only has to look back, and the log has nothing there, not waiting for ever. */
  hasReached(end: bigint): boolean {
    if (this.wanted >= end) return true;
    return this.#builder.position >= end && this.#clock.monotonic() - this.#fedAt >= STILL_MS;
  }

  /** No record collected, nothing waiting, nothing under way. */
  get isIdle(): boolean {
    return this.#builder.count === 0 && this.#running === undefined;
  }

  /** Got nothing for a while. */
  get isQuiet(): boolean {
    return this.#clock.monotonic() - this.#fedAt >= QUIET_MS;
  }

  /** Holds as much as it may, or as can be of use: feed it again when `onDrained` calls. */
  get isFull(): boolean {
    const held = this.#heldBytes + this.#builder.bytes;
    if (held >= this.#limits.heldBytesMax()) return true;
    return this.#waiting.length > 0 && held >= ENOUGH_BYTES;
  }

  /** Takes records in order of offset, from `wanted` on; `nextOffset` is where the next ones will come from. */
  push(records: readonly PipelineRecord[], nextOffset: bigint): void {
    this.#fedAt = this.#clock.monotonic();
    for (const record of this.#own(records, nextOffset)) {
      if (this.#builder.isFullFor(record)) this.cut();
      if (this.#lookBack.isRepeat(record)) this.#repeats.add(record.offset);
      this.#builder.add(record);
    }
    this.#builder.skipTo(nextOffset);
    if (this.#builder.isFull) this.cut();
    // A full lane gets no more records: unless something is under way, only cutting here makes room again.
    else if (this.isFull && this.#running === undefined) this.cut();
  }

  /** Offsets up to `nextOffset` hold no record. */
  passOver(nextOffset: bigint): void {
    this.#fedAt = this.#clock.monotonic();
    this.#lookBack.passOver(nextOffset);
    this.#builder.skipTo(nextOffset);
  }

  /** Wants the last record it got once more, to see that the topic is still the same. False: see `LookBack.again`. */
  lookAgain(logStart = 0n): boolean {
    return this.#lookBack.again(this.#builder.position, logStart);
  }

  /** Cuts the open batch if it is too old or nothing came for too long. Call it by a timer, not by traffic. */
  tick(): void {
    if (!this.#builder.isOpen) return;
    const now = this.#clock.monotonic();
    const isOld = now - this.#builder.openedAt >= this.#limits.ageMsMax;
    if (isOld || now - this.#builder.lastAddedAt >= this.#limits.idleMsMax) this.cut();
  }

  /** Closes the open batch and lets it be delivered. An abandoned lane delivers nothing more. */
  cut(): void {
    if (this.#abort.signal.aborted) return;
    const bytes = this.#builder.bytes;
    const batch = this.#builder.cut();
    if (batch === undefined) return;
    const seen = { repeats: this.#repeats, before: this.#lookBack.last };
    this.#waiting.push({ batch: { ...batch, ...seen }, bytes });
    this.#repeats = new Set();
    this.#heldBytes += bytes;
    this.#running ??= this.#run();
  }

  /** Resolves when everything that was cut is delivered, or the lane has failed or was abandoned. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Drops what is held and stops what is under way; another consumer reads it again. */
  abandon(reason: unknown): void {
    this.#abort.abort(reason);
    this.#waiting.length = 0;
  }

  #own(records: readonly PipelineRecord[], nextOffset: bigint): readonly PipelineRecord[] {
    try {
      return this.#lookBack.take(records, nextOffset);
    } catch (error) {
      this.abandon(error);
      this.#owner.onFailed(error);
      return [];
    }
  }

  async #run(): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        await this.#deliverAll(next.batch);
        this.#heldBytes -= next.bytes;
        if (!this.isFull) this.#owner.onDrained(this);
        else if (this.#waiting.length === 0) this.cut();
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#owner.onFailed(error);
      this.#waiting.length = 0;
    } finally {
      this.#running = undefined;
    }
  }

  /** Delivers what of `batch` is not delivered yet; an entry of another writer may cover only a part of it. */
  async #deliverAll(batch: Batch): Promise<void> {
    for (
      let rest = trimBatch(batch, this.#position);
      rest;
      rest = trimBatch(batch, this.#position)
    ) {
      invariant(
        rest.range.start === this.#position,
        `${formatRange(rest.range)} does not start at position ${this.#position}`,
      );
      const standing = await this.#owner.deliver(rest, this.#abort.signal);
      this.#position = standing.end;
    }
  }
}
