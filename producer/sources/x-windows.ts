// Posts of a stretch of time by search, oldest first: X gives them newest first, so they are fetched in windows that fit
// into memory, and turned round.

import type { XPage, XSearch } from '../../clients/twitter/search.ts';
import { idAt, parseId, timeOf } from '../../clients/twitter/snowflake.ts';
import type { XPayload } from '../../clients/twitter/stream.ts';

/** Undefined: `sinceId` is out of reach by now. */
export type AskPage = (search: Omit<XSearch, 'fields' | 'count'>) => Promise<XPage | undefined>;

export interface XWindow {
  /** Oldest first; those without a readable id come first. */
  readonly posts: readonly XPayload[];
  /** Every post up to this id is in this window or the ones before. */
  readonly upTo: bigint;
}

const SECOND_MS = 1000;
const FIRST_WIDTH_MS = 10 * 60_000;

export class XWindows {
  readonly #queries: readonly string[];
  readonly #ask: AskPage;
  readonly #heldMax: number;
  #widthMs = FIRST_WIDTH_MS;

  /** `heldMax`: posts in one window at most, where seconds allow it. */
  constructor(queries: readonly string[], ask: AskPage, heldMax: number) {
    this.#queries = queries;
    this.#ask = ask;
    this.#heldMax = heldMax;
  }

  /**
   * Posts with ids greater than `since` that were made before `endMs` (cut to whole seconds). `withinReach`: where it goes on
   * when a place may be out of reach by now. Throws what asking throws.
   */
  async *between(
    since: bigint,
    endMs: number,
    withinReach: (since: bigint) => bigint,
  ): AsyncGenerator<XWindow, void, void> {
    const lastMs = wholeSecond(endMs);
    let from = since;
    for (let beginMs = timeOf(from + 1n); beginMs < lastMs; beginMs = timeOf(from + 1n)) {
      const end = Math.max(wholeSecond(beginMs + this.#widthMs), wholeSecond(beginMs) + SECOND_MS);
      const window = { since: from, endMs: Math.min(end, lastMs) };
      const posts = await this.#fetch(window);
      if (!posts) {
        from = withinReach(from);
        continue;
      }
      // The end is not part of the window; the ids since it are.
      from = idAt(window.endMs) - 1n;
      yield { posts, upTo: from };
      if (posts.length < this.#heldMax / 4) this.#widthMs *= 2;
    }
  }

  /** Undefined: more posts than may be held, and the next window is narrower; or its beginning is out of reach by now. */
  async #fetch({
    since,
    endMs,
  }: {
    since: bigint;
    endMs: number;
  }): Promise<XPayload[] | undefined> {
    const isNarrow = wholeSecond(timeOf(since + 1n)) + SECOND_MS >= endMs;
    // A post may match several queries.
    const found = new Map<string, XPayload>();
    for (const query of this.#queries) {
      let token: string | undefined;
      do {
        const page = await this.#ask({ query, sinceId: since, endMs, token });
        if (!page) return undefined;
        for (const post of page.posts) found.set(idText(post), post);
        if (found.size > this.#heldMax && !isNarrow) {
          this.#narrow(endMs, page);
          return undefined;
        }
        token = page.next;
      } while (token !== undefined);
    }
    return [...found.values()].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  }

  /** To about half of what may be held, as dense as the posts were up to this page. */
  #narrow(endMs: number, { posts }: XPage): void {
    const oldest = posts.at(-1);
    const coveredMs = oldest ? endMs - timeOf(idOf(oldest)) : this.#widthMs;
    this.#widthMs = Math.max(SECOND_MS, Math.min(coveredMs, this.#widthMs) / 2);
  }
}

const wholeSecond = (ms: number) => Math.floor(ms / SECOND_MS) * SECOND_MS;
const idText = ({ data }: XPayload) => String((data as { id?: unknown } | undefined)?.id);
const idOf = (post: XPayload) => parseId(idText(post)) ?? 0n;
