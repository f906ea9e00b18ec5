// The send that is being filled: records until a count, or a number of bytes in one topic partition, is reached.
import type { OutgoingRecord } from '../pipeline/record.ts';

export class OpenSend<Cursor> {
  readonly #sizeMax: number;
  readonly #bytesMax: number;
  readonly #bytes = new Map<number | undefined, number>();
  readonly records: OutgoingRecord[] = [];
  /** Monotonic milliseconds at which the first record or cursor came in. */
  openedAt = 0;
  /** Resume point after the last record. */
  cursor: Cursor | undefined;
  #closed = false;

  constructor(sizeMax: number, bytesMax: number) {
    this.#sizeMax = sizeMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.records.length;
  }

  /** Neither a record nor a cursor. */
  get isEmpty(): boolean {
    return this.records.length === 0 && this.cursor === undefined;
  }

  get isFull(): boolean {
    return this.#closed || this.records.length >= this.#sizeMax;
  }

  /** Whether `record` fits; the first one always does. */
  takes(record: OutgoingRecord): boolean {
    if (this.records.length === 0) return true;
    const bytes = (this.#bytes.get(record.partition) ?? 0) + sizeOf(record);
    return !this.isFull && bytes <= this.#bytesMax;
  }

  /** True when the send became non-empty or full: something its sender wants to know. */
  add(record: OutgoingRecord, cursor: Cursor, at: number): boolean {
    const wasEmpty = this.isEmpty;
    if (wasEmpty) this.openedAt = at;
    this.records.push(record);
    this.cursor = cursor;
    const bytes = (this.#bytes.get(record.partition) ?? 0) + sizeOf(record);
    this.#bytes.set(record.partition, bytes);
    if (bytes >= this.#bytesMax) this.#closed = true;
    return wasEmpty || this.isFull;
  }

  /** Only the cursor moved on. True when the send was empty before. */
  pass(cursor: Cursor, at: number): boolean {
    const wasEmpty = this.isEmpty;
    if (wasEmpty) this.openedAt = at;
    this.cursor = cursor;
    return wasEmpty;
  }

  /** No more records: the next one did not fit. */
  close(): void {
    this.#closed = true;
  }
}

function sizeOf(record: OutgoingRecord): number {
  return (record.key?.length ?? 0) + (record.value?.length ?? 0);
}
