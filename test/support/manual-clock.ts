// A clock that stands still until it is told: sleepers wake when the hand passes their time.
import type { Clock } from '../../pipeline/clock.ts';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

export class ManualClock implements Clock {
  #at: number;
  #sleepers: Sleeper[] = [];

  constructor(at = 0) {
    this.#at = at;
  }

  now(): number {
    return this.#at;
  }

  monotonic(): number {
    return this.#at;
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Sets the hand; whoever slept until then or earlier wakes. */
  at(ms: number): void {
    this.#at = ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.until <= ms);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.until > ms);
    for (const sleeper of due) sleeper.wake();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleeper = { until: this.#at + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal.reason);
      });
    });
  }
}
