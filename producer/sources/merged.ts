// Several sources as one: their records as they come, and one cursor that holds the cursor of each.
import { setMaxListeners } from 'node:events';
import { PipelineError } from '../../pipeline/errors.ts';
import { type Deferred, deferred } from '../../pipeline/retry.ts';
import type { Source, SourceGap, SourceRecord } from '../../pipeline/source.ts';

/** By source name; a source that has yielded nothing yet is not in it. */
export type MergedCursor = Readonly<Record<string, unknown>>;

const NAMED_MAX = 10;

interface Arrived {
  readonly from: string;
  readonly next: SourceRecord<unknown>;
  /** Resolved when it is taken: the source may go on. */
  readonly taken: Deferred<void>;
}

/**
 * Ends when all have ended. When one fails for good the others are stopped, what they gave is yielded, and the failure is
 * thrown with its name. Sources wait while nobody takes: at most one record of each is held.
 */
export class MergedSource implements Source<MergedCursor> {
  readonly #sources: readonly Source[];

  /** At least one; their names differ. */
  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  /** Of the first ten, and how many more there are. */
  get name(): string {
    const more = this.#sources.length - NAMED_MAX;
    const names = this.#sources.slice(0, NAMED_MAX).map(({ name }) => name);
    return [...names, ...(more > 0 ? [`${more} more`] : [])].join(', ');
  }

  get leftOut(): number {
    return this.#sources.reduce((sum, { leftOut }) => sum + leftOut, 0);
  }

  get gaps(): readonly SourceGap[] {
    return this.#sources.flatMap(({ gaps }) => gaps);
  }

  /** Cursors of sources that do not run are left out. */
  parseCursor(saved: unknown): MergedCursor {
    if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) {
      throw new PipelineError('POSITION_CORRUPT', 'what was saved holds no cursors', {
        hint: 'Start once with --from-start.',
      });
    }
    const known = this.#sources.filter(({ name }) => Object.hasOwn(saved, name));
    const cursorOf = (source: Source) =>
      source.parseCursor((saved as Record<string, unknown>)[source.name]);
    return Object.fromEntries(known.map((source) => [source.name, cursorOf(source)]));
  }

  async *read(
    after: MergedCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<MergedCursor>, void, void> {
    let cursor: MergedCursor = { ...after };
    const [only, second] = this.#sources;
    if (only && !second) {
      // Nothing to merge: lines come ten times as fast this way.
      for await (const next of only.read(cursor[only.name], signal)) {
        yield { ...next, cursor: { [only.name]: next.cursor } };
      }
      return;
    }
    for await (const { from, next } of this.#arrivals(cursor, signal)) {
      cursor = { ...cursor, [from]: next.cursor };
      yield { ...next, cursor };
    }
  }

  async *#arrivals(after: MergedCursor, signal: AbortSignal): AsyncGenerator<Arrived, void, void> {
    const stop = new AbortController();
    const until = AbortSignal.any([signal, stop.signal]);
    // Each source listens to it, and Node takes more than ten listeners for a leak.
    setMaxListeners(0, until);
    const arrived: Arrived[] = [];
    let news = deferred<void>();
    let failure: { readonly error: unknown } | undefined;
    let running = this.#sources.length;
    const lane = async (source: Source) => {
      try {
        for await (const next of source.read(after[source.name], until)) {
          if (until.aborted) return;
          const taken = deferred<void>();
          arrived.push({ from: source.name, next, taken });
          news.resolve();
          await taken.promise;
        }
      } catch (error) {
        failure ??= { error: named(error, source.name) };
        stop.abort(error);
      } finally {
        running -= 1;
        news.resolve();
      }
    };
    const lanes = this.#sources.map(lane);
    try {
      for (;;) {
        const first = arrived.shift();
        if (first) {
          first.taken.resolve();
          yield first;
        } else if (running > 0) {
          await news.promise;
          news = deferred<void>();
        } else if (failure) {
          throw failure.error;
        } else return;
      }
    } finally {
      stop.abort();
      for (const { taken } of arrived) taken.resolve();
      await Promise.all(lanes);
    }
  }
}

/** The same error, saying which of the sources it ended. */
function named(error: unknown, name: string): unknown {
  if (!(error instanceof PipelineError)) return error;
  return new PipelineError(error.code, `source ${name}: ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    context: error.context,
    cause: error,
  });
}
