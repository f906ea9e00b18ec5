// How fast a service is asked: so many requests at once, so many in a minute, none while it refuses.
import type { Clock } from '../../pipeline/clock.ts';
import { type Deferred, deferred } from '../../pipeline/retry.ts';

export interface PaceLimits {
  readonly requestsAtOnce: number;
  readonly requestsPerMinute: number;
}

export class Pace {
  readonly #clock: Clock;
  readonly #spacingMs: number;
  #free: number;
  readonly #waiting: Deferred<void>[] = [];
  /** Monotonic milliseconds: the next request begins no earlier. */
  #nextAt = 0;
  /** Milliseconds since 1970. */
  #closedUntil = 0;

  constructor({ requestsAtOnce, requestsPerMinute }: PaceLimits, clock: Clock) {
    this.#clock = clock;
    this.#free = requestsAtOnce;
    this.#spacingMs = 60_000 / requestsPerMinute;
  }

  /** The service will refuse whatever is asked before: milliseconds since 1970. */
  stayAway(untilMs: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, untilMs);
  }

  /** Runs `step` when it is its turn. Throws `signal.reason` when aborted before. */
  async run<T>(step: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#enter();
    try {
      const at = Math.max(this.#clock.monotonic(), this.#nextAt);
      this.#nextAt = at + this.#spacingMs;
      await this.#until(at, signal);
      return await step();
    } finally {
      const next = this.#waiting.shift();
      if (next) next.resolve();
      else this.#free += 1;
    }
  }

  /** Who waits here needs no ear for a stop: those inside leave at once, so that its turn comes. */
  async #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const turn = deferred<void>();
    this.#waiting.push(turn);
    await turn.promise;
  }

  async #until(at: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const ms = Math.max(at - this.#clock.monotonic(), this.#closedUntil - this.#clock.now());
      if (ms <= 0) return;
      await this.#clock.sleep(ms, signal);
    }
  }
}
