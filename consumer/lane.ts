// One topic partition on its way: collects records into batches and delivers them one after the other. A lane knows
// neither Kafka nor the group; whoever feeds it asks `isFull` and stops, and starts again when `onDrained` calls.
import {
  type Batch,
  BatchBuilder,
  type BatchLimits,
  type CutReason,
  trimBatch,
} from '../pipeline/batch.ts';
import type { Clock } from '../pipeline/clock.ts';
import { invariant } from '../pipeline/errors.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import { formatRange, type TopicPartition } from '../pipeline/range.ts';
import type { PipelineRecord } from '../pipeline/record.ts';

export interface LaneLimits extends BatchLimits {
  /** Milliseconds after its first record at which an open batch is cut. */
  readonly ageMsMax: number;
  /** Milliseconds after its last record at which an open batch is cut. */
  readonly idleMsMax: number;
  /** Bytes held, open and waiting batches together, from which on the lane is full. */
  readonly heldBytesMax: number;
}

export interface LaneOwner {
  deliver(batch: Batch, signal: AbortSignal): Promise<BatchRecord>;
  /** The lane was full and is not any more. */
  onDrained(lane: Lane): void;
  /** Delivery failed for good. The lane delivers nothing more. */
  onFailed(lane: Lane, error: unknown): void;
}

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
  readonly #abort = new AbortController();
  readonly #waiting: Waiting[] = [];
  #position: bigint;
  #heldBytes = 0;
  #wasFull = false;
  #running: Promise<void> | undefined;

  constructor(
    of: TopicPartition,
    position: bigint,
    limits: LaneLimits,
    owner: LaneOwner,
    clock: Clock,
  ) {
    this.of = of;
    this.#position = position;
    this.#limits = limits;
    this.#owner = owner;
    this.#clock = clock;
    this.#builder = new BatchBuilder(of, position, limits, clock);
  }

  /** The next offset that is not delivered yet. */
  get position(): bigint {
    return this.#position;
  }

  /** The next offset this lane wants to be fed. */
  get wanted(): bigint {
    return this.#builder.position;
  }

  /** Nothing collected, nothing waiting, nothing under way. */
  get isIdle(): boolean {
    return this.#builder.count === 0 && this.#running === undefined;
  }

  get isFull(): boolean {
    this.#wasFull = this.#heldBytes + this.#builder.bytes >= this.#limits.heldBytesMax;
    return this.#wasFull;
  }

  /** Takes records in order of offset, from `wanted` on; `nextOffset` is where the next ones will come from. */
  push(records: readonly PipelineRecord[], nextOffset: bigint): void {
    for (const record of records) {
      if (this.#builder.mustCutBefore(record)) this.cut('size');
      this.#builder.add(record);
    }
    this.#builder.skipTo(nextOffset);
    if (this.#builder.isFull) this.cut('size');
    // A full lane gets no more records: unless something is under way, only cutting here makes room again.
    else if (this.isFull && this.#running === undefined) this.cut('memory');
  }

  /** Offsets up to `nextOffset` hold no record. */
  passOver(nextOffset: bigint): void {
    this.#builder.skipTo(nextOffset);
  }

  /** Cuts the open batch if it is too old or nothing came for too long. Call it by a timer, not by traffic. */
  tick(): void {
    if (this.#builder.count === 0) return;
    const now = this.#clock.monotonic();
    if (now - this.#builder.openedAt >= this.#limits.ageMsMax) this.cut('age');
    else if (now - this.#builder.lastAddedAt >= this.#limits.idleMsMax) this.cut('idle');
  }

  cut(_reason: CutReason): void {
    const bytes = this.#builder.bytes;
    const batch = this.#builder.cut();
    if (batch === undefined) return;
    this.#waiting.push({ batch, bytes });
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

  async #run(): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        await this.#deliverAll(next.batch);
        this.#heldBytes -= next.bytes;
        const wasFull = this.#wasFull;
        if (this.isFull && this.#waiting.length === 0) this.cut('memory');
        else if (wasFull && !this.isFull) this.#owner.onDrained(this);
      }
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#owner.onFailed(this, error);
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
