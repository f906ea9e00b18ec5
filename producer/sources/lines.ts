// Posts and anything else from files or standard input, one a line: JSON (default) or plain text (raw).
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { KAFKA_RECORD_BYTES_MAX } from '../../clients/kafka/producer.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import type { Source, SourceGap, SourceRecord } from '../../pipeline/source.ts';
import { hashtagsIn } from '../hashtag.ts';
import { encodePost, postFromJson } from '../post.ts';
import { type Line, readLines } from './read-lines.ts';
import { Wanted } from './wanted.ts';

/** Resume point: `line` lines of `inputs[input]` are done. */
export interface LinesCursor {
  readonly input: number;
  readonly line: number;
}

export interface LinesOptions {
  /** File paths; `-` is standard input. Read one after another. */
  readonly inputs: readonly string[];
  /** Each line is sent as it is, whatever it holds. */
  readonly raw: boolean;
  /** Only posts and text that carry one of them are sent; empty: every line. */
  readonly hashtags: readonly string[];
  /** Only posts in one of them are sent; empty: every line. */
  readonly languages: readonly string[];
  /** What `-` reads. */
  readonly stdin?: Readable;
}

/** A line may be longer than a record: a post is cut down to its fields before it is sent. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const KEY_AND_HEAD_BYTES = 300;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Empty lines are left out. A JSON line with a text becomes a `Post`; any other JSON is sent byte for byte, unless a
 * hashtag is asked for, which it cannot carry. A line that is not JSON ends the source with SOURCE_INPUT_INVALID, because
 * whoever reads the topic was promised JSON; so do a file that cannot be read and a line too long for a record.
 */
export class LinesSource implements Source<LinesCursor> {
  readonly name = 'lines';
  readonly gaps: readonly SourceGap[] = [];
  readonly #options: LinesOptions;
  readonly #wanted: Wanted;
  readonly #wantsAll: boolean;
  #leftOut = 0;

  constructor(options: LinesOptions) {
    if (options.inputs.length === 0) {
      throw new PipelineError('USAGE', 'the source lines needs an input', {
        hint: '`--input posts.ndjson` (repeatable), or `--input -` for standard input.',
      });
    }
    this.#options = options;
    this.#wanted = new Wanted(options);
    this.#wantsAll = options.hashtags.length + options.languages.length === 0;
  }

  /** Lines that were read and not sent: without the hashtag. Empty lines do not count. */
  get leftOut(): number {
    return this.#leftOut;
  }

  parseCursor(saved: unknown): LinesCursor {
    const { input, line } = (saved ?? {}) as Partial<Record<keyof LinesCursor, unknown>>;
    if (Number.isSafeInteger(input) && Number.isSafeInteger(line)) return saved as LinesCursor;
    throw new PipelineError('POSITION_CORRUPT', 'what was saved is no cursor of the source lines', {
      hint: 'Start it once with --from-start.',
    });
  }

  async *read(
    after: LinesCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<LinesCursor>, void, void> {
    const { inputs } = this.#options;
    for (let input = after?.input ?? 0; input < inputs.length; input += 1) {
      const done = input === after?.input ? after.line : 0;
      const path = inputs[input] ?? '-';
      for await (const line of this.#lines(path, signal)) {
        if (signal.aborted) return;
        if (line.number <= done) continue;
        const record = this.#record(line, path);
        if (record) yield { record, cursor: { input, line: line.number } };
      }
      if (signal.aborted) return;
    }
  }

  async *#lines(path: string, signal: AbortSignal): AsyncGenerator<Line, void, void> {
    const isStdin = path === '-';
    const stream = isStdin ? (this.#options.stdin ?? process.stdin) : createReadStream(path);
    // Ends a read that waits for a person at the keyboard, or for the other end of a pipe.
    const onAbort = () => stream.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      yield* readLines(stream, LINE_BYTES_MAX, (number) =>
        invalid(path, number, `is longer than ${LINE_BYTES_MAX} bytes`),
      );
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof PipelineError) throw error;
      throw new PipelineError(
        'SOURCE_INPUT_INVALID',
        `cannot read ${nameOf(path)}: ${describe(error)}`,
        {
          hint: 'Check the path and the rights of the file.',
          context: { file: path },
          cause: error,
        },
      );
    } finally {
      signal.removeEventListener('abort', onAbort);
      stream.destroy();
    }
  }

  #record(line: Line, path: string): OutgoingRecord | undefined {
    const { raw } = this.#options;
    if (line.bytes.length === 0 || (!raw && isBlank(line.bytes))) return undefined;
    const record = raw ? this.#text(line.bytes) : this.#json(line, path);
    if (!record) {
      this.#leftOut += 1;
      return undefined;
    }
    const bytes = (record.value?.length ?? 0) + (record.key?.length ?? 0) + KEY_AND_HEAD_BYTES;
    if (bytes <= KAFKA_RECORD_BYTES_MAX) return record;
    throw invalid(
      path,
      line.number,
      `makes a record of ${bytes} bytes; Kafka takes ${KAFKA_RECORD_BYTES_MAX}`,
    );
  }

  #text(bytes: Buffer): OutgoingRecord | undefined {
    if (this.#wantsAll) return { key: null, value: bytes };
    const isWanted = this.#wanted.carries(hashtagsIn(bytes.toString())) && this.#wanted.speaks([]);
    return isWanted ? { key: null, value: bytes } : undefined;
  }

  #json(line: Line, path: string): OutgoingRecord | undefined {
    const [text, value] = parsed(line, path);
    const post = postFromJson(value, text);
    if (!post) return this.#wantsAll ? { key: null, value: line.bytes } : undefined;
    const tags = this.#wantsAll ? [] : [...post.hashtags, ...hashtagsIn(post.text)];
    const isWanted =
      this.#wanted.carries(tags) && this.#wanted.speaks(post.lang === null ? [] : [post.lang]);
    if (!isWanted) return undefined;
    return { key: post.id === null ? null : Buffer.from(post.id), value: encodePost(post) };
  }
}

function parsed(line: Line, path: string): [string, unknown] {
  try {
    const text = utf8.decode(line.bytes);
    return [text, JSON.parse(text)];
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : 'is not UTF-8';
    throw invalid(path, line.number, why);
  }
}

function invalid(path: string, number: number, why: string): PipelineError {
  return new PipelineError('SOURCE_INPUT_INVALID', `${nameOf(path)}:${number} ${why}`, {
    hint: 'Correct the line, or send lines as plain text with `--raw`. What stood before it was sent.',
    context: { file: path, line: number },
  });
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
