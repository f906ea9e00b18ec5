// The lines DuckDB reads: one JSON object a record. A raw line carries the bytes of the record's value as they are, an exact line
// the canonical text of every column.
//   {"o":offset,"t":milliseconds,"v":<value>,"c":{"c8":"text"}}     {"o":offset,"t":milliseconds,"c":{"c0":"text","c3":["a"]}}
import { appendFile } from 'node:fs/promises';

const START_BYTES = 16 * 1024;
const FLUSH_BYTES = 512 * 1024;
const LINE_FEED = 0x0a;
const SPACE = 0x20;

/** Field of the column at `index` in an exact line. */
export function exactField(index: number): string {
  return `c${index}`;
}

export class LineFile {
  readonly path: string;
  rows = 0;
  lineBytesMax = 0;
  #buffer = Buffer.allocUnsafe(START_BYTES);
  #length = 0;

  constructor(path: string) {
    this.path = path;
  }

  get isFull(): boolean {
    return this.#length >= FLUSH_BYTES;
  }

  /** `hasLineFeeds`: they are white space in `value` (JSON strings cannot hold them raw) and would end the line. */
  addRaw(head: string, value: Buffer, hasLineFeeds: boolean, tail: string): void {
    const begin = this.#reserve((head.length + tail.length) * 3 + value.length);
    let at = begin + this.#buffer.write(head, begin, 'latin1');
    const valueBegin = at;
    this.#buffer.set(value, at);
    at += value.length;
    if (hasLineFeeds) this.#blankLineFeeds(valueBegin, at);
    this.#end(begin, at + this.#buffer.write(tail, at));
  }

  addExact(line: string): void {
    const begin = this.#reserve(line.length * 3);
    this.#end(begin, begin + this.#buffer.write(line, begin));
  }

  /** Writes what is pending. Throws what node:fs throws. */
  async flush(): Promise<void> {
    const length = this.#length;
    this.#length = 0;
    await appendFile(this.path, this.#buffer.subarray(0, length));
  }

  #reserve(bytes: number): number {
    const needed = this.#length + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    return this.#length;
  }

  #blankLineFeeds(from: number, to: number): void {
    for (let at = from; at < to; at += 1)
      if (this.#buffer[at] === LINE_FEED) this.#buffer[at] = SPACE;
  }

  #end(begin: number, end: number): void {
    this.#length = end;
    this.rows += 1;
    if (end - begin > this.lineBytesMax) this.lineBytesMax = end - begin;
  }
}
