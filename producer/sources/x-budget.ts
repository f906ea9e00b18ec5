// What reading X has cost today, and the limit that a person set: posts of one UTC day, as X bills them.
import type { XAnswers } from '../../clients/twitter/answers.ts';
import type { Clock } from '../../pipeline/clock.ts';
import type { Log } from '../../pipeline/log.ts';

/** Kept with the cursor, so that a restart does not forget it. */
export interface XSpent {
  /** UTC, such as 2026-11-21. */
  readonly day: string;
  readonly posts: number;
}

export interface XBudgetOptions {
  /** Undefined: no limit. */
  readonly postsPerDay: number | undefined;
  /** Dollars of one post, with the author if that is asked for. */
  readonly price: number;
  readonly answers: XAnswers;
  readonly log: Log;
  readonly clock: Clock;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const TELL_MS = 10 * 60_000;
/** The day is over for X as well. */
const AFTER_MIDNIGHT_MS = 2000;

export class XBudget {
  readonly #options: XBudgetOptions;
  #day: number;
  #posts = 0;
  #told = 0;
  #toldAt: number;

  constructor(options: XBudgetOptions) {
    this.#options = options;
    this.#day = this.#today();
    this.#toldAt = options.clock.monotonic();
  }

  get spent(): XSpent {
    this.#turn();
    return { day: dayText(this.#day), posts: this.#posts };
  }

  /** Posts that may be read in one day. */
  get perDay(): number {
    return this.#options.postsPerDay ?? Number.POSITIVE_INFINITY;
  }

  /** Posts that may still be read today. */
  get left(): number {
    this.#turn();
    return Math.max(0, this.perDay - this.#posts);
  }

  /** What was spent before a restart. */
  resume({ day, posts }: XSpent): void {
    if (day === dayText(this.#today())) this.#posts += posts;
  }

  /** Also posts that came before count: X bills one again that comes on another day. */
  count(posts: number): void {
    this.#turn();
    this.#posts += posts;
    if (this.#options.clock.monotonic() - this.#toldAt >= TELL_MS) this.tell();
  }

  /** Logs what was read and what it costs, if that is news. */
  tell(): void {
    const { price, log, clock } = this.#options;
    this.#toldAt = clock.monotonic();
    if (this.#posts === this.#told) return;
    this.#told = this.#posts;
    const dollars = (this.#posts * price).toFixed(2);
    log.info(`read ${this.#posts} posts of X today, for $${dollars} at most`);
  }

  /** Resolves when a post may be read: at once, or on the next day. */
  async ready(signal: AbortSignal): Promise<void> {
    const { postsPerDay, answers, log, clock } = this.#options;
    while (this.left === 0) {
      this.tell();
      const untilMs = (this.#day + 1) * DAY_MS + AFTER_MIDNIGHT_MS;
      log.warn(
        `limits.postsPerDay (${postsPerDay}) is reached: X is read again from ${new Date(untilMs).toISOString()} on, and what is missed until then is searched for`,
      );
      await clock.sleep(untilMs - answers.now(), signal);
    }
  }

  #turn(): void {
    const today = this.#today();
    if (today <= this.#day) return;
    this.tell();
    this.#day = today;
    this.#posts = 0;
    this.#told = 0;
  }

  #today(): number {
    return Math.floor(this.#options.answers.now() / DAY_MS);
  }
}

function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
