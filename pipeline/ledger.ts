// The ledger's contract: one entry per (topic, partition, start), decided by compare-and-set.
import type { OffsetRange, TopicPartition } from './range.ts';

/** One staged file: where it lies now (nobody reads it there) and where placing moves it to. */
export interface StagedFile {
  /** Sink's own name of the staged piece (a path, or a staging table partition). */
  readonly staged: string;
  /** Sink's own name of the final place. */
  readonly final: string;
  /** The table partition it belongs to, e.g. `2026-11-21`; empty for a table without one. */
  readonly tablePartition: string;
  readonly rows: number;
  readonly bytes: number;
}

/** Identifies the last Kafka record of a batch, so that a topic deleted and created again is noticed. */
export interface RecordFingerprint {
  readonly offset: bigint;
  readonly timestamp: number;
  /** SHA-256 of key and value, hex, first 16 digits. */
  readonly checksum: string;
}

/** `batch`: rows were read. `skip`: offsets passed over on purpose. `lost`: retention took them before we read. */
export type EntryKind = 'batch' | 'skip' | 'lost';

/** What became of the offsets `[start, end)` of a topic partition. Immutable once decided. */
export interface BatchRecord extends OffsetRange {
  readonly kind: EntryKind;
  /** Who wrote it: fresh for every attempt at staging. */
  readonly attempt: string;
  readonly files: readonly StagedFile[];
  /** Rows written, records dead-lettered, records skipped by policy (tombstones). */
  readonly rows: number;
  readonly deadLetters: number;
  readonly skipped: number;
  readonly last: RecordFingerprint | undefined;
  /** Milliseconds since 1970, the writer's clock; information only. */
  readonly at: number;
}

/**
 * What all entries of a topic partition that end at or before `end` came to, together, from its first position on. Once it
 * stands they are removed. Roll-ups are numbered from 1 on without holes; each holds what the one before it held.
 */
export interface RollUp extends TopicPartition {
  readonly number: number;
  /** Where the one before ended, or the first position: what it newly covers begins there. */
  readonly from: bigint;
  readonly end: bigint;
  /** How many entries there were. */
  readonly entries: number;
  readonly rows: number;
  readonly deadLetters: number;
  readonly skipped: number;
  /** Offsets lost to retention, and offsets passed over on purpose. */
  readonly lost: bigint;
  readonly passedOver: bigint;
  /** Of the last entry that had one. */
  readonly last: RecordFingerprint | undefined;
  /** Milliseconds since 1970, the writer's clock; information only. */
  readonly at: number;
}

/** Records read under an entry: `rows + deadLetters + skipped` for a batch; offsets passed over otherwise. */
export function recordsRead(entry: BatchRecord): number {
  return entry.rows + entry.deadLetters + entry.skipped;
}

/**
 * One entry per batch, decided by compare-and-set on (topic, partition, start); one origin per topic
 * partition, decided the same way. Whoever writes first has decided; everybody else gets what stands.
 */
export interface Ledger {
  /** The first position of this topic partition: `wished` if none was decided yet, else what stands. */
  origin(of: TopicPartition, wished: bigint, signal: AbortSignal): Promise<bigint>;
  /** The decided first position, undefined if none was. Never writes. */
  readOrigin(of: TopicPartition, signal: AbortSignal): Promise<bigint | undefined>;
  /**
   * The entry that stands at `record.start` afterwards: ours, or the one that was first. May be repeated. Throws
   * POSITION_ROLLED_UP for a start that was decided and rolled up long ago: nothing of it may be placed.
   */
  commit(record: BatchRecord, signal: AbortSignal): Promise<BatchRecord>;
  /** The entry that stands at this start, undefined if none does. Throws POSITION_CORRUPT if unreadable. */
  read(of: TopicPartition, start: bigint, signal: AbortSignal): Promise<BatchRecord | undefined>;
  /** The newest roll-up, undefined if there is none. What stands before its end counts no more and must not be read. */
  rolledUp(of: TopicPartition, signal: AbortSignal): Promise<RollUp | undefined>;
  /** Writes a roll-up by compare-and-set on its number. False: that number is taken, perhaps by ourselves. */
  rollUp(record: RollUp, signal: AbortSignal): Promise<boolean>;
  /** Removes the entries at `starts`, the last of them first. Only what a standing roll-up covers. May be repeated. */
  forget(of: TopicPartition, starts: readonly bigint[], signal: AbortSignal): Promise<void>;
  /** Every topic partition that has an origin (used by `verify` and `positions`; lists directories). */
  partitions(signal: AbortSignal): Promise<TopicPartition[]>;
}
