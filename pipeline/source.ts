// The contract of a source of posts (or of anything): it yields records, each with the cursor to resume after it.
import type { OutgoingRecord } from './record.ts';

export interface SourceRecord<Cursor> {
  readonly record: OutgoingRecord;
  /** Resume point just after this record. Saved only after Kafka acknowledged it. */
  readonly cursor: Cursor;
}

export interface Source<Cursor = unknown> {
  readonly name: string;
  /** Yields until the source ends or `signal` aborts. `after` resumes; undefined starts afresh. */
  read(after: Cursor | undefined, signal: AbortSignal): AsyncIterable<SourceRecord<Cursor>>;
}
