// The contract of a position store: a durable hint of how far a topic partition was placed. The ledger is the truth.
import type { OffsetRange, TopicPartition } from './range.ts';

/** A batch that was placed: its range, and the attempt that won it, so that another table's batch is not taken for it. */
export interface PlacedBatch extends OffsetRange {
  /** Empty when it is not known. */
  readonly attempt: string;
}

/** The hint only grows. Losing it, or restoring an old one, costs time and never rows. */
export interface PositionStore {
  readonly name: string;
  /** Takes the store for this process. Throws POSITION_LOCKED when another process holds it, POSITION_CORRUPT when unreadable. */
  open(signal: AbortSignal): Promise<void>;
  /** The last batch that was placed, undefined when nothing is known. Its `end` is the position. */
  last(of: TopicPartition): Promise<PlacedBatch | undefined>;
  /** Called after a batch was placed. One that ends at or before the stored one changes nothing, unless that has no attempt. */
  advance(placed: PlacedBatch): Promise<void>;
  close(): Promise<void>;
}
