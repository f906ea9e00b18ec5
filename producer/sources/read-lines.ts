// Splits a byte stream into lines without decoding it: what is not UTF-8 stays what it is.

const LF = 0x0a;
const CR = 0x0d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** A place between two lines. */
export interface LinePlace {
  /** Bytes before it. */
  readonly offset: number;
  /** Lines before it. */
  readonly line: number;
}

export interface Line {
  /** Counted from 1. */
  readonly number: number;
  /** Without its line ending. */
  readonly bytes: Buffer;
  /** Behind its line ending. */
  readonly end: LinePlace;
}

/**
 * Yields the lines of `chunks`, which begin at `from`; the last one also without a line ending, empty ones too. LF and CRLF
 * end a line; a byte order mark at the beginning is left out. `tooLong` is thrown for a line above `bytesMax` bytes.
 */
export async function* readLines(
  chunks: AsyncIterable<Buffer>,
  bytesMax: number,
  tooLong: (number: number) => Error,
  from: LinePlace = { offset: 0, line: 0 },
): AsyncGenerator<Line, void, void> {
  let pieces: Buffer[] = [];
  let held = 0;
  let { offset, line: number } = from;
  const finish = (rest: Buffer, endingBytes: number): Line => {
    number += 1;
    const whole = pieces.length === 0 ? rest : Buffer.concat([...pieces, rest]);
    offset += whole.length + endingBytes;
    pieces = [];
    held = 0;
    return { number, bytes: trimmed(whole, number === 1), end: { offset, line: number } };
  };
  for await (const chunk of chunks) {
    let begin = 0;
    for (let to = chunk.indexOf(LF); to >= 0; to = chunk.indexOf(LF, begin)) {
      if (held + to - begin > bytesMax) throw tooLong(number + 1);
      yield finish(chunk.subarray(begin, to), 1);
      begin = to + 1;
    }
    const rest = chunk.subarray(begin);
    held += rest.length;
    if (held > bytesMax) throw tooLong(number + 1);
    if (rest.length > 0) pieces.push(rest);
  }
  if (held > 0) yield finish(Buffer.alloc(0), 0);
}

function trimmed(line: Buffer, isFirst: boolean): Buffer {
  const from = isFirst && line.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
  const to = line.at(-1) === CR ? line.length - 1 : line.length;
  return line.subarray(from, Math.max(from, to));
}
