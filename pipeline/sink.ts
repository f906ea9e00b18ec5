// The contract of a destination. `consumer/deliver.ts` is the only caller of `stage` and `place`.
import type { Batch } from './batch.ts';
import type { BatchRecord, Ledger } from './ledger.ts';
import type { TopicPartition } from './range.ts';
import type { PipelineRecord } from './record.ts';

/** A record that cannot become a row, and why (never its value). */
export interface Reject {
  readonly record: PipelineRecord;
  /** A CODEC_* code, see pipeline/errors.ts. */
  readonly code: string;
  /** What is wrong, naming the column where there is one; free of record values. */
  readonly reason: string;
}

/** What staging a batch came to: the entry to commit, and the records that must be dead-lettered first. */
export interface Staged {
  readonly record: BatchRecord;
  readonly rejects: readonly Reject[];
}

export interface Sink {
  readonly name: string;
  readonly ledger: Ledger;
  /** Called once before anything else; idempotent. Creates or checks table, columns, rights and paths. */
  open(signal: AbortSignal): Promise<void>;
  /**
   * Writes a batch where no reader looks, under a fresh attempt id. Safe to lose, safe to call again: each call is
   * a new attempt. Batches of different topic partitions may be staged at the same time. Records are made anew each time
   * they are gone through, and share the memory of the batch: copy what is to be kept for longer.
   */
  stage(batch: Batch, signal: AbortSignal): Promise<Staged>;
  /**
   * Moves the files of `record` to where readers look. Idempotent, callable by anybody, for anybody's record. Sweeps
   * what other attempts staged at the same start (that start is decided).
   */
  place(record: BatchRecord, signal: AbortSignal): Promise<void>;
  /**
   * Removes what was staged for starts before `position` and came late or was left behind. `position` must be that of a
   * chain whose entries are placed: those starts are decided. For the background; lists what is staged.
   */
  sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
