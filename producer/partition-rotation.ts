// Which topic partition the next record goes to.
import type { Clock } from '../pipeline/clock.ts';

export type Partitioning = 'rotate' | 'key' | 'round-robin';

/** What a restart needs to go on where the rotation was. */
export interface RotationState {
  readonly partition: number;
  /** Milliseconds spent on it so far, while a producer ran. */
  readonly spentMs: number;
}

export interface RotationOptions {
  readonly partitioning: Partitioning;
  /** The partition numbers of the topic, at least one. */
  readonly partitions: readonly number[];
  /** `rotate`: milliseconds on one partition before the next one is taken; above 0. */
  readonly switchMs: number;
  /** Where an earlier producer was. Void when the topic has no such partition. */
  readonly from?: RotationState | undefined;
}

export interface Rotation {
  /** The partition of the next record; undefined leaves it to the key (murmur2, as Java's client does). */
  next(): number | undefined;
  /** Whether the time on this partition is over. It stays the partition of `next` until `turn` is called. */
  isDue(): boolean;
  /** Takes the partition whose time it is. Goes by time alone, so an idle source skips partitions. */
  turn(): void;
  /** Undefined where there is nothing to go on with. */
  state(): RotationState | undefined;
}

/**
 * `rotate`: one partition for `switchMs`, then the next, from the last back to the first. `round-robin`: one record each
 * in turn. `key`: by the key.
 */
export function createRotation(options: RotationOptions, clock: Clock): Rotation {
  switch (options.partitioning) {
    case 'rotate':
      return new ByTime(options, clock);
    case 'round-robin': {
      const { partitions } = options;
      let turns = 0;
      return { ...NEVER_DUE, next: () => partitions[turns++ % partitions.length] };
    }
    case 'key':
      return { ...NEVER_DUE, next: () => undefined };
  }
}

const NEVER_DUE = { isDue: () => false, turn: () => {}, state: () => undefined };

class ByTime implements Rotation {
  readonly #partitions: readonly number[];
  readonly #switchMs: number;
  readonly #clock: Clock;
  #at: number;
  /** Monotonic milliseconds. */
  #beganAt: number;

  constructor({ partitions, switchMs, from }: RotationOptions, clock: Clock) {
    this.#partitions = partitions;
    this.#switchMs = switchMs;
    this.#clock = clock;
    const found = from ? partitions.indexOf(from.partition) : -1;
    this.#at = Math.max(found, 0);
    this.#beganAt = clock.monotonic() - (from && found >= 0 ? from.spentMs : 0);
  }

  next(): number | undefined {
    return this.#partitions[this.#at];
  }

  isDue(): boolean {
    return this.#spentMs() >= this.#switchMs;
  }

  turn(): void {
    const turns = Math.floor(this.#spentMs() / this.#switchMs);
    this.#at = (this.#at + turns) % this.#partitions.length;
    this.#beganAt += turns * this.#switchMs;
  }

  state(): RotationState {
    const partition = this.#partitions[this.#at] ?? 0;
    return { partition, spentMs: Math.round(this.#spentMs()) };
  }

  #spentMs(): number {
    return this.#clock.monotonic() - this.#beganAt;
  }
}
