// What X still has of the past: posts by search, as far as it reaches back, within the budget; the rest is told as a gap.
import type { XAccess } from '../../clients/twitter/connection.ts';
import { SEARCH_REACH_MS, searchPage } from '../../clients/twitter/search.ts';
import { idAt, timeOf } from '../../clients/twitter/snowflake.ts';
import type { Log } from '../../pipeline/log.ts';
import type { SourceGap } from '../../pipeline/source.ts';
import type { XBudget } from './x-budget.ts';
import type { XPatience } from './x-patience.ts';
import { type XWindow, XWindows } from './x-windows.ts';

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
/** The edge of what search has moves on while it is asked. */
const EDGE_MS = 60_000;

export class XHistory {
  readonly gaps: SourceGap[] = [];
  readonly #parts: XHistoryParts;

  constructor(parts: XHistoryParts) {
    this.#parts = parts;
  }

  /**
   * Posts made from shortly before `since` up to `toMs` (milliseconds since 1970, at least 30 s ago). Waits for rate limits
   * and for the next day as it must. Throws XAttemptFailed when X refuses for good.
   */
  async *read(
    since: bigint,
    toMs: number,
    signal: AbortSignal,
  ): AsyncGenerator<XWindow, void, void> {
    const { access, patience, budget, queries, fields } = this.#parts;
    const windows = new XWindows(queries, async (search) => {
      await budget.ready(signal);
      const asked = { ...search, count: budget.left, fields };
      const page = await patience.answer(() => searchPage(access, asked, signal), signal);
      budget.count(page.posts.length);
      return page;
    });
    yield* windows.between(this.#withinReach(since), toMs);
  }

  /** Tells that posts of this stretch of time are lost. */
  missed(from: number, to: number, why: string): void {
    if (to <= from) return;
    this.gaps.push({ from, to, why });
    const [begin, end] = [new Date(from).toISOString(), new Date(to).toISOString()];
    const seconds = Math.round((to - from) / 1000);
    this.#parts.log.warn(`posts of X from ${begin} to ${end} (${seconds} s) are missing: ${why}`);
  }

  #withinReach(since: bigint): bigint {
    const reachMs = this.#parts.access.answers.now() - SEARCH_REACH_MS + EDGE_MS;
    this.missed(timeOf(since), reachMs, 'the search of X reaches back 7 days');
    return idAt(Math.max(timeOf(since) - LATE_MS, reachMs));
  }
}
