// What a double does wrong, and when: on command, or mixed by a seed.
import { random } from './posts.ts';

export interface FaultKinds<Fault extends string> {
  /** Happen when somebody connects or asks. */
  readonly atStart: readonly Fault[];
  /** Happen between two posts of a stream. */
  readonly midway: readonly Fault[];
  /** Happen on command only: they cost posts, or end the reader. */
  readonly onCommand: readonly Fault[];
}

/** What a mix does otherwise than usual. */
export interface Mix<Fault extends string> {
  /** Share of the requests that it refuses. */
  readonly refusedShare?: number;
  /** Faults it leaves out, such as those that cost time. */
  readonly spared?: readonly Fault[];
}

/** How often a mix refuses, and after how many posts of a stream it strikes, on average. */
const REFUSED_SHARE = 0.3;
const POSTS_BETWEEN = 300;

export class Faults<Fault extends string> {
  readonly #kinds: FaultKinds<Fault>;
  readonly #next: (() => number) | undefined;
  readonly #postsBetween: number;
  readonly #mix: Mix<Fault>;
  readonly #orders: Fault[] = [];
  #left: number;
  /** How often each has happened. */
  readonly counts = new Map<Fault, number>();

  /** `seed` undefined: nothing happens but on command. */
  constructor(
    kinds: FaultKinds<Fault>,
    seed?: number,
    postsBetween = POSTS_BETWEEN,
    mix: Mix<Fault> = {},
  ) {
    this.#kinds = kinds;
    this.#mix = mix;
    this.#next = seed === undefined ? undefined : random(seed);
    this.#postsBetween = postsBetween;
    this.#left = postsBetween;
  }

  get names(): readonly Fault[] {
    return [...this.#kinds.atStart, ...this.#kinds.midway];
  }

  /** Whether something that was ordered has not happened yet. */
  get hasOrders(): boolean {
    return this.#orders.length > 0;
  }

  /** Happens as soon as it can, once. Throws for what is no fault of this double. */
  order(name: string): void {
    const fault = this.names.find((known) => known === name);
    if (fault === undefined) throw new Error(`unknown fault ${name}: ${this.names.join(', ')}`);
    this.#orders.push(fault);
  }

  /** Ask when somebody connects; `possible` limits what can happen here. */
  atStart(possible: readonly Fault[] = this.#kinds.atStart): Fault | undefined {
    const ordered = this.#ordered(possible);
    const { refusedShare = REFUSED_SHARE } = this.#mix;
    if (ordered || !this.#next || this.#next() >= refusedShare) return this.#counted(ordered);
    return this.#drawn(possible);
  }

  /** Ask before each post of a stream. */
  midway(): Fault | undefined {
    const ordered = this.#ordered(this.#kinds.midway);
    if (ordered || !this.#next) return this.#counted(ordered);
    this.#left -= 1;
    if (this.#left > 0) return undefined;
    this.#left = Math.ceil(this.#next() * 2 * this.#postsBetween);
    return this.#drawn(this.#kinds.midway);
  }

  #ordered(possible: readonly Fault[]): Fault | undefined {
    const at = this.#orders.findIndex((fault) => possible.includes(fault));
    return at < 0 ? undefined : this.#orders.splice(at, 1)[0];
  }

  #drawn(possible: readonly Fault[]): Fault | undefined {
    const { spared = [] } = this.#mix;
    const mixed = possible.filter(
      (fault) => !this.#kinds.onCommand.includes(fault) && !spared.includes(fault),
    );
    return this.#counted(mixed[Math.floor((this.#next?.() ?? 0) * mixed.length)]);
  }

  #counted(fault: Fault | undefined): Fault | undefined {
    if (fault !== undefined) this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    return fault;
  }
}
