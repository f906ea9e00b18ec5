// Which made post is out when: posts appear one after another from the first look on. Each is made from its number.
import { type MadeText, makeText } from './posts.ts';

export interface TimelineOptions {
  /** Posts in all; undefined: they never end. */
  readonly count?: number | undefined;
  /** Posts a second; undefined: all are out at the first look. */
  readonly rate?: number | undefined;
  readonly hashtag?: string | undefined;
  readonly seed?: number | undefined;
  /** Milliseconds since 1970; undefined: the time of this machine. */
  readonly now?: (() => number) | undefined;
}

export class Timeline {
  readonly count: number;
  readonly hashtag: string;
  readonly #seed: number;
  readonly #rate: number;
  readonly #stepUs: number;
  /** The time it goes by. */
  readonly now: () => number;
  #beganMs: number | undefined;
  #firstUs = 0;

  constructor({ count = Number.POSITIVE_INFINITY, rate, hashtag, seed, now }: TimelineOptions) {
    this.count = count;
    this.hashtag = hashtag ?? 'kafka';
    this.#seed = seed ?? 1;
    this.now = now ?? Date.now;
    this.#rate = rate ?? Number.POSITIVE_INFINITY;
    this.#stepUs = rate === undefined ? 1000 : 1_000_000 / rate;
  }

  /** From now on, or `delayMs` later, posts appear; further calls change nothing. */
  begin(delayMs = 0): void {
    if (this.#beganMs !== undefined) return;
    this.#beganMs = this.now() + delayMs;
    const past = Number.isFinite(this.#rate) ? 0 : this.count * this.#stepUs;
    this.#firstUs = this.#beganMs * 1000 - past;
  }

  /** How many are out: those with smaller numbers. */
  get out(): number {
    if (this.#beganMs === undefined) return 0;
    if (!Number.isFinite(this.#rate)) return this.count;
    const seconds = (this.now() - this.#beganMs) / 1000;
    return Math.max(0, Math.min(this.count, Math.floor(seconds * this.#rate) + 1));
  }

  /** When post `index` came out: microseconds since 1970. */
  timeUs(index: number): number {
    return this.#firstUs + Math.floor(index * this.#stepUs);
  }

  /** The first post that came out at `timeUs` or later. */
  indexAt(timeUs: number): number {
    let index = Math.max(0, Math.floor((timeUs - this.#firstUs) / this.#stepUs) - 1);
    while (this.timeUs(index) < timeUs) index += 1;
    return index;
  }

  text(index: number): MadeText {
    return makeText(index, this.hashtag, this.#seed);
  }
}
