// What verify compares, per topic partition: what the topic holds, what the ledger says, what the table and the
// dead-letter topic have. Counts of records are numbers, offsets are bigint.
import type { OffsetRange, TopicPartition } from '../../pipeline/range.ts';

export interface LedgerFacts {
  readonly origin: bigint;
  /** End of the chain: the position. */
  readonly end: bigint;
  readonly entries: number;
  readonly rows: number;
  readonly deadLetters: number;
  readonly skipped: number;
  /** What was rolled up, undefined when nothing was: it is part of the sums, and counts as one run. */
  readonly rolled:
    | { readonly end: bigint; readonly lost: bigint; readonly passedOver: bigint }
    | undefined;
  /** Ranges retention took before they were read, and ranges passed over on purpose; those rolled up left out. */
  readonly lost: readonly OffsetRange[];
  readonly passedOver: readonly OffsetRange[];
  /** Every range that was read, neighbours joined: rows may lie in these only. */
  readonly runs: readonly OffsetRange[];
  readonly last: (OffsetRange & { readonly rows: number }) | undefined;
}

export interface TableFacts {
  /** Within the ledger's runs. */
  readonly rows: number;
  readonly distinct: number;
  readonly highest: bigint | undefined;
  /** Rows at offsets the ledger says were not read. */
  readonly outside: number;
}

/** What reading the topic itself came to (`--read-topic`). */
export interface TopicCount {
  /** From the first entry that the topic still holds whole. */
  readonly from: bigint;
  /** Records the topic holds from there on within the ledger's runs, and records the ledger says were read of them. */
  readonly held: number;
  readonly read: number;
  /** The first entry with more records in the topic than were read. */
  readonly firstShort: OffsetRange | undefined;
  /** Distinct records of the ledger's runs in the dead-letter topic. */
  readonly deadLetters: number;
  /** The dead-letter topic has lost its beginning to retention. */
  readonly deadLettersExpired: boolean;
}

export interface PartitionFacts extends TopicPartition {
  /** Undefined when the topic has no such partition (any more). */
  readonly topicHolds: { readonly logStart: bigint; readonly highWatermark: bigint } | undefined;
  /** Undefined when nobody has begun to read it into this table. */
  readonly ledger: LedgerFacts | undefined;
  readonly table: TableFacts;
  readonly count: TopicCount | undefined;
}

export function lengthOf(ranges: readonly OffsetRange[]): bigint {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0n);
}
