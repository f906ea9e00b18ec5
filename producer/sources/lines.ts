// Posts and anything else from files or standard input, one a line (JSON or plain text) or one a row (CSV).
import type { Readable } from 'node:stream';
import type { Clock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import type { Source, SourceGap, SourceRecord } from '../../pipeline/source.ts';
import {
  type FileMark,
  fileBytes,
  growingBytes,
  identify,
  isMark,
  isSameFile,
  lineId,
  newSeries,
  POLL_MS,
  unlessGone,
} from './input-file.ts';
import { LineRecords, withId } from './line-record.ts';
import { type LinePlace, readLines } from './read-lines.ts';
import { readHeader, readRows } from './read-rows.ts';
import { type Behind, filesBehind } from './rotated-files.ts';

/** Resume point: how far the file is that is read now, and those that were read before it. */
export interface LinesCursor {
  readonly done: readonly FileMark[];
  readonly at: FileMark;
}

export interface LinesOptions {
  /** File paths; `-` is standard input. Read one after another; with `follow` one file. `.gz` is unpacked. */
  readonly inputs: readonly string[];
  /** Each line is sent as it is, whatever it holds. */
  readonly raw: boolean;
  /** The input is CSV with a header: each row becomes a JSON object of texts. */
  readonly csv: boolean;
  /** At the end of the file, wait for more, also when it is rotated. */
  readonly follow: boolean;
  /** Only posts and text that carry one of them are sent; empty: everything. */
  readonly hashtags: readonly string[];
  /** Only posts in one of them are sent; empty: everything. */
  readonly languages: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
  /** What `-` reads. */
  readonly stdin?: Readable;
}

/** A line may be longer than a record: a post is cut down to its fields before it is sent. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
/** The cursor is given out after so many lines that are not sent. */
const SILENT_LINES_MAX = 1000;
/** Files of earlier runs that are remembered, so that giving one again does not send it again. */
const OTHER_FILES_MAX = 20;
const STDIN = '-';
const NOWHERE = { inode: '', head: '0-', offset: 0, line: 0 };

type Found = AsyncGenerator<SourceRecord<LinesCursor>, FileMark, void>;
type Piece = { readonly end: LinePlace; readonly record: OutgoingRecord | undefined };

/**
 * Empty lines are left out. JSON with a text becomes a `Post`; any other JSON is sent byte for byte, unless a hashtag or a
 * language is asked for, which it cannot have. A line that is not JSON ends the source with SOURCE_INPUT_INVALID, because
 * whoever reads the topic was promised JSON; so do a file that cannot be read and a line too long for a record. A file that
 * was read to its end is not read again; one that was replaced is another file.
 */
export class LinesSource implements Source<LinesCursor> {
  readonly name = 'lines';
  readonly gaps: SourceGap[] = [];
  readonly #options: LinesOptions;
  readonly #records: LineRecords;
  #leftOut = 0;

  constructor(options: LinesOptions) {
    if (options.inputs.length === 0) {
      throw new PipelineError('USAGE', 'the source lines needs an input', {
        hint: '`--input posts.ndjson` (repeatable), or `--input -` for standard input.',
      });
    }
    this.#options = options;
    this.#records = new LineRecords(options);
  }

  /** Lines that were read and not sent: without the hashtag. Empty lines do not count. */
  get leftOut(): number {
    return this.#leftOut;
  }

  parseCursor(saved: unknown): LinesCursor {
    const { done, at } = Object(saved) as Partial<LinesCursor>;
    if (Array.isArray(done) && [...done, at].every(isMark)) return saved as LinesCursor;
    throw new PipelineError('POSITION_CORRUPT', 'the saved cursor is not one of lines', {
      hint: 'Start with `--from-start` to ignore it: the input is read from its beginning.',
    });
  }

  async *read(
    after: LinesCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<LinesCursor>, void, void> {
    const { inputs, follow } = this.#options;
    const marks = new Map(after ? [...after.done, after.at].map((mark) => [mark.path, mark]) : []);
    for (const path of inputs) {
      const known = marks.get(path);
      marks.delete(path);
      const others = [...marks.values()].filter((mark) => !inputs.includes(mark.path));
      const ours = [...marks.values()].filter((mark) => inputs.includes(mark.path));
      const done = [...others.slice(-OTHER_FILES_MAX), ...ours];
      try {
        const reading =
          path === STDIN
            ? this.#stdin(done, signal)
            : follow
              ? this.#followed(path, known, done, signal)
              : this.#file(path, known, done, signal);
        marks.set(path, yield* reading);
      } catch (error) {
        if (signal.aborted) return;
        throw error instanceof PipelineError ? error : unreadable(path, error);
      }
      if (signal.aborted) return;
    }
  }

  async *#stdin(done: readonly FileMark[], signal: AbortSignal): Found {
    const stream = this.#options.stdin ?? process.stdin;
    // Ends a read that waits for a person at the keyboard, or for the other end of a pipe.
    const onAbort = () => stream.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return yield* this.#pass(stream, STDIN, { path: STDIN, ...NOWHERE }, done, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      stream.destroy();
    }
  }

  async *#file(
    path: string,
    known: FileMark | undefined,
    done: readonly FileMark[],
    signal: AbortSignal,
  ): Found {
    const mark =
      known && (await isSameFile(path, known))
        ? known
        : { ...NOWHERE, path, ...(await identify(path)), series: newSeries() };
    return yield* this.#pass(fileBytes(path, mark.offset), path, mark, done, signal);
  }

  /** Ends only when `signal` aborts. */
  async *#followed(
    path: string,
    known: FileMark | undefined,
    done: readonly FileMark[],
    signal: AbortSignal,
  ): Found {
    const { clock } = this.#options;
    let mark = known ?? { ...NOWHERE, path };
    let behind = known
      ? await this.#behind(known, signal)
      : { isFound: true, files: [{ at: path, ...mark }] };
    while (!signal.aborted) {
      const last = behind.files.length - 1;
      for (const [index, { at, inode, offset, line }] of behind.files.entries()) {
        const found = await (inode === '' ? identify(at) : unlessGone(identify(at)));
        // Rotated since it was looked for: it is looked for again, from the same place.
        if (!found || (inode !== '' && found.inode !== inode)) break;
        const { series = newSeries() } = index === 0 && behind.isFound ? mark : {};
        mark = { path, ...found, offset, line, series };
        // The head of a small file grows with it.
        const growing = { ...mark };
        const onHead = (head: string) => Object.assign(growing, { head });
        const bytes =
          index < last
            ? fileBytes(at, offset)
            : growingBytes({ at, inode: found.inode }, path, offset, onHead, { clock, signal });
        mark = yield* this.#pass(bytes, at, growing, done, signal);
        if (signal.aborted) return mark;
      }
      this.#options.log.info('the file was rotated; going on with the next one', { file: path });
      behind = await this.#behind(mark, signal);
    }
    return mark;
  }

  /** Waits while there is nothing: a file may be renamed some time before the next one is made. */
  async #behind(mark: FileMark, signal: AbortSignal): Promise<Behind> {
    const { clock } = this.#options;
    for (let isTold = false; ; ) {
      const behind = await filesBehind(mark);
      if (!behind.isFound && !isTold) this.#lost(mark.path);
      isTold = true;
      if (behind.files.length > 0 || signal.aborted) return behind;
      await clock.sleep(POLL_MS, signal).catch(() => {});
    }
  }

  /** Yields what is in `bytes`, which begin at `mark`. Returns how far it came. */
  async *#pass(
    bytes: AsyncIterable<Buffer>,
    at: string,
    mark: FileMark,
    done: readonly FileMark[],
    signal: AbortSignal,
  ): Found {
    let place: LinePlace = mark;
    let silent = 0;
    const cursor = () => ({ done, at: { ...mark, offset: place.offset, line: place.line } });
    // A series that a kill makes forgotten would make strangers of the lines that were sent in it.
    let isNew = mark.series !== undefined && mark.offset === 0;
    for await (const { end, record } of this.#pieces(bytes, at, mark)) {
      if (signal.aborted) return cursor().at;
      if (record && isNew) {
        yield { record: undefined, cursor: cursor(), saveFirst: true };
        isNew = false;
      }
      place = end;
      silent = record ? 0 : silent + 1;
      const id = record && lineId(mark, end);
      if (record || silent === SILENT_LINES_MAX) yield { ...withId(record, id), cursor: cursor() };
      if (silent === SILENT_LINES_MAX) silent = 0;
    }
    if (silent > 0 && !signal.aborted) yield { record: undefined, cursor: cursor() };
    return cursor().at;
  }

  async *#pieces(
    bytes: AsyncIterable<Buffer>,
    at: string,
    from: FileMark,
  ): AsyncGenerator<Piece, void, void> {
    const { raw, csv } = this.#options;
    const refusal = (number: number) => (why: string) => invalid(at, number, why);
    if (csv) {
      const objection = (number: number, why: string) => invalid(at, number, why);
      const header =
        from.offset > 0 ? await readHeader(fileBytes(at, 0), LINE_BYTES_MAX, objection) : undefined;
      for await (const row of readRows(bytes, LINE_BYTES_MAX, objection, from, header)) {
        const record = this.#records.fromRow(row.fields, refusal(row.number));
        yield { end: row.end, record: this.#counted(record) };
      }
      return;
    }
    const tooLong = (number: number) =>
      invalid(at, number, `is longer than ${LINE_BYTES_MAX} bytes`);
    for await (const line of readLines(bytes, LINE_BYTES_MAX, tooLong, from)) {
      const { end, number } = line;
      if (line.bytes.length === 0 || (!raw && isBlank(line.bytes))) {
        yield { end, record: undefined };
      } else {
        const make = raw ? 'fromText' : 'fromJson';
        yield { end, record: this.#counted(this.#records[make](line.bytes, refusal(number))) };
      }
    }
  }

  #counted(record: OutgoingRecord | undefined): OutgoingRecord | undefined {
    if (!record) this.#leftOut += 1;
    return record;
  }

  #lost(path: string): void {
    const { log, clock } = this.#options;
    const why = 'the file of the cursor was truncated, or rotated away and is gone';
    this.gaps.push({ from: undefined, to: clock.now(), why });
    log.warn(`${why}; whatever was behind the cursor in it is missing`, { file: path });
  }
}

function invalid(path: string, number: number, why: string): PipelineError {
  return new PipelineError('SOURCE_INPUT_INVALID', `${nameOf(path)}:${number} ${why}`, {
    hint: 'Correct the line, or send lines as plain text with `--raw`. What stood before it was sent.',
    context: { file: path, line: number },
  });
}

function unreadable(path: string, error: unknown): PipelineError {
  const message = `cannot read ${nameOf(path)}: ${describe(error)}`;
  return new PipelineError('SOURCE_INPUT_INVALID', message, {
    hint: 'Check the path and the rights of the file.',
    context: { file: path },
    cause: error,
  });
}

function nameOf(path: string): string {
  return path === STDIN ? 'standard input' : path;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
