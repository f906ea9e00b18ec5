// What a batch adds to one location: its lines, each with where the record stood in Kafka, as the bytes of one file. They are
// copied once, from the bytes that Kafka brought, because this is where most of the time of a large batch goes.
import type { TopicPartition } from '../../pipeline/range.ts';

export class LocationBlock {
  /** What stands between the last field of a record and its offset. */
  readonly #place: Buffer;
  readonly #objects: Buffer[] = [];
  readonly #ends: string[] = [];
  #bytes = 0;

  constructor({ topic, partition }: TopicPartition) {
    this.#place = Buffer.from(
      `,"kafka_topic":"${topic}","kafka_partition":${partition},"kafka_offset":`,
    );
  }

  get rows(): number {
    return this.#objects.length;
  }

  /** Adds a line. `object`: UTF-8 of a JSON object with at least one field, without a line break; kept, not copied yet. */
  add(object: Buffer, offset: bigint): void {
    const end = `${offset}}\n`;
    this.#objects.push(object);
    this.#ends.push(end);
    // The closing brace moves behind the offset.
    this.#bytes += object.length - 1 + this.#place.length + end.length;
  }

  /** All lines, in the order they were added, each with a newline. */
  toBuffer(): Buffer {
    const lines = Buffer.allocUnsafe(this.#bytes);
    // Encoded all at once: a call for each of these few bytes would take longer than the copying.
    const ends = Buffer.from(this.#ends.join(''), 'latin1');
    let at = 0;
    let read = 0;
    for (const [index, object] of this.#objects.entries()) {
      lines.set(object, at);
      at += object.length - 1;
      lines.set(this.#place, at);
      at += this.#place.length;
      const end = read + (this.#ends[index]?.length ?? 0);
      for (; read < end; read += 1, at += 1) lines[at] = ends[read] ?? 0;
    }
    return lines;
  }
}
