// A clock that runs faster than time, so that a test sees hours pass in seconds. Shared by a source and its double.
import { type Clock, systemClock } from '../../pipeline/clock.ts';

export class FastClock implements Clock {
  readonly #factor: number;
  readonly #startMs: number;
  #began: number | undefined;
  #skippedMs = 0;

  constructor(factor: number, startMs = Date.now()) {
    this.#factor = factor;
    this.#startMs = startMs;
  }

  /** It stands still before. Further calls change nothing. */
  start(): void {
    this.#began ??= performance.now();
  }

  /** So much time passes at once, for everybody. */
  skip(ms: number): void {
    this.#skippedMs += ms;
  }

  now(): number {
    return Math.floor(this.#startMs + this.monotonic());
  }

  monotonic(): number {
    const ranMs = this.#began === undefined ? 0 : performance.now() - this.#began;
    return this.#skippedMs + ranMs * this.#factor;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(Math.max(1, ms / this.#factor), signal);
  }
}
