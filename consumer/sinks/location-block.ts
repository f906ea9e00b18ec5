// What a batch adds to one location: its lines, each with where the record stood in Kafka, as the bytes of one file. Each is
// copied as soon as it is known, because this is where most of the time and memory of a large batch goes.
import type { TopicPartition } from '../../pipeline/range.ts';

/**
 * The first piece of memory has room for two lines as long as its first, for most locations have few lines in a batch; each next
 * one is twice as long, up to this, or for one line.
 */
const PIECE_BYTES_MAX = 64 * 1024;

export class LocationBlock {
  /** What stands between the last field of a record and its offset. */
  readonly #place: Buffer;
  readonly #full: Buffer[] = [];
  #piece = Buffer.alloc(0);
  /** Bytes taken of `#piece`. */
  #used = 0;
  #rows = 0;

  constructor({ topic, partition }: TopicPartition) {
    this.#place = Buffer.from(
      `,"kafka_topic":"${topic}","kafka_partition":${partition},"kafka_offset":`,
    );
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds a line. `object`: UTF-8 of a JSON object with at least one field, without a line break. */
  add(object: Buffer, offset: bigint): void {
    const end = `${offset}}\n`;
    // The closing brace moves behind the offset.
    const bytes = object.length - 1 + this.#place.length + end.length;
    if (this.#used + bytes > this.#piece.length) this.#takePiece(bytes);
    const piece = this.#piece;
    let at = this.#used;
    // The brace does not count: what follows is written over it.
    piece.set(object, at);
    at += object.length - 1;
    piece.set(this.#place, at);
    at += this.#place.length;
    // A call for so few bytes would take longer.
    for (let index = 0; index < end.length; index += 1) piece[at + index] = end.charCodeAt(index);
    this.#used += bytes;
    this.#rows += 1;
  }

  /** All lines, in the order they were added, each with a newline. */
  get pieces(): readonly Buffer[] {
    return [...this.#full, this.#piece.subarray(0, this.#used)];
  }

  #takePiece(bytes: number): void {
    if (this.#used > 0) this.#full.push(this.#piece.subarray(0, this.#used));
    const usual = Math.min(PIECE_BYTES_MAX, 2 * Math.max(this.#piece.length, bytes));
    this.#piece = Buffer.allocUnsafe(Math.max(usual, bytes));
    this.#used = 0;
  }
}
