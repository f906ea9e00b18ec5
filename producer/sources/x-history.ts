// What X still has of the past: posts by search, as far as it reaches back, within the budget; the rest is told as a gap.
import type { XAccess } from '../../clients/twitter/connection.ts';
import { SEARCH_REACH_MS, searchPage } from '../../clients/twitter/search.ts';
import { idAt, timeOf } from '../../clients/twitter/snowflake.ts';
import type { Log } from '../../pipeline/log.ts';
import type { SourceGap } from '../../pipeline/source.ts';
import type { XBudget } from './x-budget.ts';
import type { XPatience } from './x-patience.ts';
import { type AskPage, type XWindow, XWindows } from './x-windows.ts';

export interface XHistoryParts {
  readonly access: XAccess;
  readonly patience: XPatience;
  readonly budget: XBudget;
  readonly queries: readonly string[];
  /** Query parameters: fields and expansions. */
  readonly fields: Readonly<Record<string, string>>;
  readonly log: Log;
}

/** Posts come up to so many milliseconds later than they were made: that far before its place a search begins. */
export const LATE_MS = 30_000;
/** The edge of what search has moves on while it is asked: so far from it a search begins, and so near it may come. */
const EDGE_MS = 60_000;
const EDGE_MS_MIN = 10_000;
/** Posts of one window; a post is about 2 KB. */
const HELD_MAX = 5000;

export class XHistory {
  readonly gaps: SourceGap[] = [];
  readonly #parts: XHistoryParts;

  constructor(parts: XHistoryParts) {
    this.#parts = parts;
  }

  /**
   * Posts made from shortly before `since` up to `toMs` (milliseconds since 1970, at least 30 s ago). Waits for rate limits
   * and for the next day as it must; what search no longer has by then is told as a gap. Throws XAttemptFailed when X refuses
   * for good.
   */
  async *read(
    since: bigint,
    toMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<XWindow, void, void> {
    const { access, patience, budget, queries, fields } = this.#parts;
    const ask: AskPage = async (search) => {
      await budget.ready(signal);
      const asked = { ...search, count: budget.left, fields };
      const page = await patience.answer(async () => {
        const isReached = timeOf(search.sinceId) >= this.#reachMs(EDGE_MS_MIN);
        return isReached ? searchPage(access, asked, signal) : undefined;
      }, signal);
      budget.count(page?.posts.length ?? 0);
      return page;
    };
    // A window that takes more than a day may be out of reach before it is complete.
    const heldMax = Math.min(HELD_MAX, Math.ceil(budget.perDay / 2));
    const windows = new XWindows(queries, ask, heldMax);
    const withinReach = (from: bigint) => this.#withinReach(from);
    const begin = idAt(timeOf(this.#withinReach(since)) - LATE_MS);
    yield* windows.between(begin, toMs, withinReach);
  }

  /** Tells that posts of this stretch of time are lost. */
  missed(from: number, to: number, why: string): void {
    if (to <= from) return;
    this.gaps.push({ from, to, why });
    const [begin, end] = [new Date(from).toISOString(), new Date(to).toISOString()];
    const seconds = Math.round((to - from) / 1000);
    this.#parts.log.warn(`posts of X from ${begin} to ${end} (${seconds} s) are missing: ${why}`);
  }

  /** The same place, or a later one, where search still has everything. */
  #withinReach(since: bigint): bigint {
    const reachMs = this.#reachMs(EDGE_MS);
    if (timeOf(since) >= reachMs) return since;
    this.missed(timeOf(since), reachMs, 'the search of X reaches back 7 days');
    return idAt(reachMs);
  }

  #reachMs(edgeMs: number): number {
    return this.#parts.access.answers.now() - SEARCH_REACH_MS + edgeMs;
  }
}
