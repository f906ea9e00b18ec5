// Splits a byte stream into lines without decoding it: what is not UTF-8 stays what it is.

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its line ending. */
  readonly bytes: Buffer;
}

/**
 * Yields the lines of `chunks`, the last one also without a line ending, empty ones too. LF and CRLF end a line;
 * a byte order mark at the beginning is left out. `tooLong` is thrown for a line above `bytesMax` bytes.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  bytesMax: number,
  tooLong: (number: number) => Error,
): AsyncGenerator<Line, void, void> {
  let pieces: Buffer[] = [];
  let held = 0;
  let number = 0;
  const finish = (end: Buffer): Line => {
    number += 1;
    const whole = pieces.length === 0 ? end : Buffer.concat([...pieces, end]);
    pieces = [];
    held = 0;
    return { number, bytes: trimmed(whole, number === 1) };
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(LF); to >= 0; to = chunk.indexOf(LF, from)) {
      if (held + to - from > bytesMax) throw tooLong(number + 1);
      yield finish(chunk.subarray(from, to));
      from = to + 1;
    }
    const rest = chunk.subarray(from);
    held += rest.length;
    if (held > bytesMax) throw tooLong(number + 1);
    if (rest.length > 0) pieces.push(rest);
  }
  if (held > 0) yield finish(Buffer.alloc(0));
}

function trimmed(line: Buffer, isFirst: boolean): Buffer {
  const from = isFirst && line.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
  const to = line.at(-1) === CR ? line.length - 1 : line.length;
  return line.subarray(from, Math.max(from, to));
}
