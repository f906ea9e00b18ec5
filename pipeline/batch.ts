// A batch ("package" in the originals): records of one topic partition under one offset range. The builder
// cuts one by count or bytes; age and idleness are for whoever owns a timer (see `openedAt`, `lastAddedAt`).
import type { Clock } from './clock.ts';
import { PipelineError } from './errors.ts';
import type { RecordFingerprint } from './ledger.ts';
import { PackedRecords, type Records } from './packed-records.ts';
import { type OffsetRange, relate, type TopicPartition } from './range.ts';
import { type PipelineRecord, recordBytes } from './record.ts';

export interface Batch {
  readonly range: OffsetRange;
  readonly records: Records;
  /** Offsets of records that repeat an earlier one: read and counted, but nothing comes of them. Empty or missing: none. */
  readonly repeats?: ReadonlySet<bigint>;
  /** The last record in front of the batch, where it is known: for the entry of a batch without records. */
  readonly before?: RecordFingerprint | undefined;
}

export interface BatchLimits {
  /** Records per batch, from 1. */
  readonly size: number;
  /** Bytes of records per batch, as `recordBytes` counts them; a batch holds at least one record whatever its size. */
  readonly bytesMax: number;
}

/**
 * Collects the records of one topic partition from `position` on. `skipTo` moves the end over offsets that
 * hold no record (transaction markers, compaction), so that a range may end behind its last record.
 */
export class BatchBuilder {
  readonly #of: TopicPartition;
  readonly #limits: BatchLimits;
  readonly #clock: Clock;
  #records = new PackedRecords();
  #bytes = 0;
  #start: bigint;
  #end: bigint;
  #openedAt = 0;
  #lastAddedAt = 0;

  constructor(of: TopicPartition, position: bigint, limits: BatchLimits, clock: Clock) {
    this.#of = of;
    this.#limits = limits;
    this.#clock = clock;
    this.#start = position;
    this.#end = position;
  }

  /** The next offset this builder expects. */
  get position(): bigint {
    return this.#end;
  }

  get count(): number {
    return this.#records.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Something is to be delivered: records, or offsets that hold none. */
  get isOpen(): boolean {
    return this.#end > this.#start;
  }

  /** Monotonic milliseconds at which the open batch began: with its first record, or an offset without one. */
  get openedAt(): number {
    return this.#openedAt;
  }

  /** Monotonic milliseconds at which the last record, or offset without one, came in. */
  get lastAddedAt(): number {
    return this.#lastAddedAt;
  }

  /** The open batch must be cut before `next` is added. An empty one takes a record of any size. */
  isFullFor(next: PipelineRecord): boolean {
    if (this.#records.length === 0) return false;
    return this.isFull || this.#bytes + recordBytes(next) > this.#limits.bytesMax;
  }

  get isFull(): boolean {
    return this.#records.length >= this.#limits.size || this.#bytes >= this.#limits.bytesMax;
  }

  /** Throws BUG for an offset that lies before `position`: the record would be written twice. */
  add(record: PipelineRecord): void {
    if (record.offset < this.#end)
      throw new PipelineError('BUG', `offset ${record.offset} was passed: ${this.#end} is next`);
    this.#records.add(record);
    this.#bytes += recordBytes(record);
    this.#moveTo(record.offset + 1n);
  }

  skipTo(offset: bigint): void {
    if (offset > this.#end) this.#moveTo(offset);
  }

  #moveTo(offset: bigint): void {
    const at = this.#clock.monotonic();
    if (!this.isOpen) this.#openedAt = at;
    this.#lastAddedAt = at;
    this.#end = offset;
  }

  /**
   * Closes the open batch; undefined when nothing was added since the last one. It may hold no record, when offsets without any
   * are all that came: only so a topic that ends with an aborted transaction is read to its end. The next one starts where
   * it ended.
   */
  cut(): Batch | undefined {
    if (!this.isOpen) return undefined;
    const range = { ...this.#of, start: this.#start, end: this.#end };
    const batch = { range, records: this.#records };
    this.#records = new PackedRecords();
    this.#bytes = 0;
    this.#start = this.#end;
    return batch;
  }
}

/** What is left of `batch` from `position` on (the trim of an overlapping batch), or undefined if nothing is. */
export function trimBatch(batch: Batch, position: bigint): Batch | undefined {
  const relation = relate(position, batch.range);
  if (relation === 'replayed') return undefined;
  if (relation !== 'overlapping') return batch;
  const records = kept(batch.records, ({ offset }) => offset >= position);
  return { ...batch, range: { ...batch.range, start: position }, records };
}

/** `batch` with the records that are to become something: the same range, without its repeats. */
export function withoutRepeats(batch: Batch): Batch {
  const { range, records, repeats } = batch;
  if (repeats === undefined || repeats.size === 0) return batch;
  return { range, records: kept(records, ({ offset }) => !repeats.has(offset)) };
}

function kept(records: Records, isKept: (record: PipelineRecord) => boolean): Records {
  const packed = new PackedRecords();
  for (const record of records) if (isKept(record)) packed.add(record);
  return packed;
}
