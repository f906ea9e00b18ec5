// The contract of a position store: a durable hint of how far a topic partition was placed. The ledger is the truth.
import type { OffsetRange, TopicPartition } from './range.ts';

/** The hint only grows. Losing it, or restoring an old one, costs time and never rows. */
export interface PositionStore {
  readonly name: string;
  /** Takes the store for this process. Throws POSITION_LOCKED when another process holds it, POSITION_CORRUPT when unreadable. */
  open(signal: AbortSignal): Promise<void>;
  /** The range of the last batch that was placed, undefined when nothing is known. Its `end` is the position. */
  last(of: TopicPartition): Promise<OffsetRange | undefined>;
  /** Called after a batch was placed. A range that ends at or before the stored one changes nothing. */
  advance(range: OffsetRange): Promise<void>;
  close(): Promise<void>;
}
