// One page of X's recent search: posts of the last 7 days, newest first.
import { askX, type XAccess } from './connection.ts';
import type { XPayload } from './stream.ts';

/** Longest query every plan takes. */
export const QUERY_CHARS_MAX = 512;
/** How far search reaches back, in milliseconds. */
export const SEARCH_REACH_MS = 7 * 24 * 60 * 60 * 1000;
/** Posts younger than this many milliseconds are not in search yet. */
export const SEARCH_LAG_MS = 30_000;
const PAGE_MIN = 10;
const PAGE_MAX = 100;

export interface XSearch {
  readonly query: string;
  /** Posts with greater ids. */
  readonly sinceId: bigint;
  /** Posts made before: milliseconds since 1970, cut to whole seconds. At least 10 s ago, or X refuses. */
  readonly endMs: number;
  /** Posts wished for; X gives between 10 and 100. */
  readonly count: number;
  /** `next` of the page before; undefined: the first page. */
  readonly token: string | undefined;
  /** As the stream is asked for them: fields and expansions. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface XPage {
  /** Newest first, each with what was included for all. */
  readonly posts: readonly XPayload[];
  /** Undefined: this was the last page. */
  readonly next: string | undefined;
}

interface Answer {
  readonly data?: readonly unknown[];
  readonly includes?: unknown;
  readonly meta?: { readonly next_token?: string };
}

/** Throws XAttemptFailed. */
export async function searchPage(
  access: XAccess,
  search: XSearch,
  signal: AbortSignal,
): Promise<XPage> {
  const end = new Date(Math.floor(search.endMs / 1000) * 1000);
  const query = {
    ...search.fields,
    query: search.query,
    since_id: String(search.sinceId),
    end_time: `${end.toISOString().slice(0, 19)}Z`,
    max_results: Math.min(PAGE_MAX, Math.max(PAGE_MIN, search.count)),
    ...(search.token === undefined ? {} : { next_token: search.token }),
  };
  const { data, includes, meta } = await askX<Answer>(
    access,
    {
      doing: `search posts at ${access.config.apiUrl}`,
      limit: 'search',
      ask: (v2) => v2.get<Answer>('tweets/search/recent', query, { fullResponse: true }),
    },
    signal,
  );
  // X leaves `data` out when there is none.
  const posts = Array.isArray(data) ? data.map((one) => ({ data: one, includes })) : [];
  return { posts, next: meta?.next_token };
}
