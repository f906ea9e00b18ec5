// The contract of a source of posts (or of anything): it yields records, each with the cursor to resume after it.
import type { OutgoingRecord } from './record.ts';

/** Header with the `id` of a record whose key is shared by many. */
export const ID_HEADER = 'source-id';

export interface SourceRecord<Cursor> {
  /** Undefined: there is nothing to send, only the cursor moved on (a long time without a match, say). */
  readonly record: OutgoingRecord | undefined;
  /** Resume point just after this record: plain JSON, small. Saved only after Kafka acknowledged the record. */
  readonly cursor: Cursor;
  /**
   * What tells this record from every other one of any source, equal to its header ID_HEADER, or without one to its key as
   * text: a second one with the same id is not sent. Undefined: never a duplicate.
   */
  readonly id?: string;
  /** True: `cursor` is saved before anything behind it is sent, because the ids of what follows hang on it. */
  readonly saveFirst?: boolean;
}

/** A stretch of time the source could not give back. */
export interface SourceGap {
  /** Milliseconds since 1970; `from` undefined when nothing was known of it. */
  readonly from: number | undefined;
  readonly to: number;
  readonly why: string;
}

/**
 * The law every source keeps: read from a cursor on, it yields every record behind it, in its own order, and yields some
 * records again rather than leave one out (`id` filters those). It reconnects by itself, with the back-off its service
 * documents; it throws SOURCE_REJECTED at once when the service refuses for good (401, 403), SOURCE_UNAVAILABLE when
 * nothing worked for its retry time. It ends within a second after `signal` aborts.
 */
export interface Source<Cursor = unknown> {
  /** Also the name its cursor is saved under: two sources that run at once differ in it. */
  readonly name: string;
  /** What was read and not yielded on purpose, so far: without the hashtag, malformed. */
  readonly leftOut: number;
  /** What is known to be missing, so far. Each was logged as a warning when it was found. */
  readonly gaps: readonly SourceGap[];
  /** The cursor in what was saved earlier. Throws POSITION_CORRUPT when it is no cursor of this source. */
  parseCursor(saved: unknown): Cursor;
  /** Yields until the source ends or `signal` aborts. `after` resumes; undefined starts afresh. */
  read(after: Cursor | undefined, signal: AbortSignal): AsyncIterable<SourceRecord<Cursor>>;
}
