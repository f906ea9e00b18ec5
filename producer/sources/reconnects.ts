// When a source that lost its connection may try again, and when it has to give up.
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import { isRetriable } from '../../pipeline/retry.ts';

export interface ReconnectOptions {
  /** Milliseconds without success after which the source gives up; staying away on demand does not count. */
  readonly retryMs: number;
  readonly log: Log;
  readonly clock: Clock;
  /** Shortens every pause, for tests. */
  readonly pauseFactor: number;
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** Longest a server may send us away; a window of any rate limit is over by then, a wrong header would be for ever. */
export const AWAY_MS_MAX = 15 * 60_000;

export class Reconnects {
  readonly #options: ReconnectOptions;
  #failures = 0;
  #failingSince: number | undefined;

  constructor(options: ReconnectOptions) {
    this.#options = options;
  }

  /** Call when a connection has brought something new, not when it merely opened. */
  worked(): void {
    this.#failures = 0;
    this.#failingSince = undefined;
  }

  /**
   * Waits for the next attempt: 0.5 s doubling to 30 s, with a random share so that clients do not come back together, and
   * not before the service wants us (`context.notBeforeMs`). Throws `error` when it is for good, SOURCE_UNAVAILABLE when
   * nothing worked for `retryMs`; returns at once when `signal` aborts.
   */
  async pause(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log, retryMs, pauseFactor } = this.#options;
    if (!isRetriable(error)) throw error;
    this.#failingSince ??= clock.monotonic();
    const failingMs = clock.monotonic() - this.#failingSince;
    if (failingMs > retryMs) throw givenUp(error, failingMs);
    const step = Math.min(FIRST_MS * 2 ** Math.min(this.#failures, 20), LONGEST_MS);
    const notBeforeMs = Number(error.context['notBeforeMs'] ?? 0);
    const awayMs = Math.min(Math.max(0, notBeforeMs - clock.now()), AWAY_MS_MAX);
    const ownMs = step * (0.8 + Math.random() * 0.4) * pauseFactor;
    const pauseMs = Math.ceil(Math.max(ownMs, awayMs));
    this.#failures += 1;
    if (awayMs > 0) this.#failingSince += pauseMs;
    log.warn(`${error.message}; again in ${pauseMs} ms`);
    await clock.sleep(pauseMs, signal).catch((reason) => {
      if (!signal.aborted) throw reason;
    });
  }
}

function givenUp(last: PipelineError, failingMs: number): PipelineError {
  const tried = `tried for ${Math.round(failingMs / 1000)} s`;
  return new PipelineError('SOURCE_UNAVAILABLE', `${last.message} (${tried})`, {
    ...(last.hint === undefined ? {} : { hint: last.hint }),
    context: last.context,
    cause: last,
  });
}
