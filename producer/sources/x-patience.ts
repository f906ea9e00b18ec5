// How long the X source waits after a failure, and when it gives up.
import type { XAnswers } from '../../clients/twitter/answers.ts';
import { ReconnectBackoff } from '../../clients/twitter/backoff.ts';
import { XAttemptFailed, type XFailure } from '../../clients/twitter/connection.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';

export interface XPatienceOptions {
  /** Milliseconds without any success after which it gives up; waiting for a rate limit does not count. */
  readonly retryMs: number;
  readonly answers: XAnswers;
  readonly log: Log;
  readonly clock: Clock;
}

export class XPatience {
  readonly #options: XPatienceOptions;
  readonly #backoff = new ReconnectBackoff();
  #failingSince: number | undefined;

  constructor(options: XPatienceOptions) {
    this.#options = options;
  }

  /** Call when something came of a connection, not when it merely opened. */
  worked(): void {
    this.#failingSince = undefined;
    this.#backoff.reset();
  }

  /** Waits as X asks for. Throws the failure when it is for good, SOURCE_UNAVAILABLE when nothing worked for `retryMs`. */
  async pause(failure: XFailure, signal: AbortSignal): Promise<void> {
    const { answers, clock, log, retryMs } = this.#options;
    if (failure.error.retry === 'never') throw failure.error;
    this.#failingSince ??= clock.monotonic();
    const failingMs = clock.monotonic() - this.#failingSince;
    if (failingMs > retryMs) throw lastOf(failure, failingMs);
    const pauseMs = Math.ceil(
      this.#backoff.pauseAfter(failure.kind, answers.now(), failure.resetAtMs),
    );
    if (failure.kind === 'rate-limit') this.#failingSince += pauseMs;
    log.warn(`${failure.error.message}; again in ${pauseMs} ms`);
    await clock.sleep(pauseMs, signal);
  }

  /** Asks until it is answered. Throws as `pause`. */
  async answer<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      try {
        const answer = await ask();
        this.worked();
        return answer;
      } catch (error) {
        if (signal.aborted || !(error instanceof XAttemptFailed)) throw error;
        // Who asked may know another way.
        if (error.failure.error.retry === 'never') throw error;
        await this.pause(error.failure, signal);
      }
    }
  }
}

function lastOf({ error }: XFailure, failingMs: number): PipelineError {
  const tried = `tried for ${Math.round(failingMs / 1000)} s`;
  return new PipelineError('SOURCE_UNAVAILABLE', `${error.message} (${tried})`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    context: error.context,
  });
}
