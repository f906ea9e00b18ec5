// Recent search of the X double: newest first, in pages, as far back as 7 days, and never the newest posts.
import type { ServerResponse } from 'node:http';
import type { MadePost } from './posts.ts';
import type { Timeline } from './timeline.ts';
import { json, problem } from './x-answers.ts';

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;
const END_AGO_MS = 10_000;
/** Younger posts are not found yet, whatever is asked for. */
const INDEXED_AFTER_MS = 25_000;
const timeOf = (id: string) => Number(BigInt(id) >> 22n) + 1_288_834_974_657;

export interface SearchWorld {
  readonly timeline: Timeline;
  readonly post: (index: number) => MadePost;
}

/** Answers `GET /2/tweets/search/recent`, or says what is wrong with it as X does. */
export function answerSearch(
  response: ServerResponse,
  asked: URLSearchParams,
  { timeline, post }: SearchWorld,
): void {
  const now = timeline.now();
  const [since, query] = [asked.get('since_id') ?? '0', asked.get('query') ?? ''];
  const count = Number(asked.get('max_results') ?? 10);
  const end = asked.get('end_time');
  const endMs = end === null ? now - 30_000 : Date.parse(end);
  const wrong = mistake(query, since, count, endMs, now);
  if (wrong !== undefined) {
    problem(response, { status: 400, title: 'Invalid Request', detail: wrong });
    return;
  }
  const tags = Array.from(query.matchAll(/#([^\s()]+)/g), ([, tag]) => tag);
  const first = firstAfter(since, timeline, post);
  const shownMs = Math.min(endMs, now - INDEXED_AFTER_MS);
  const token = asked.get('next_token');
  let index = token ? Number(token.slice(1)) : indexAt(shownMs, timeline);
  const found: MadePost[] = [];
  while (index > first && found.length < count) {
    index -= 1;
    const one = post(index);
    if (one.hashtags.some((tag) => tags.includes(tag.toLowerCase()))) found.push(one);
  }
  // X gives what was included once for the page.
  const users = found.flatMap(({ payload }) => Object(payload['includes']).users ?? []);
  const meta = {
    ...(found.length === 0 ? {} : { newest_id: found[0]?.id, oldest_id: found.at(-1)?.id }),
    result_count: found.length,
    ...(index > first ? { next_token: `b${index}` } : {}),
  };
  const data = found.map(({ payload }) => payload['data']);
  const { length } = data;
  json(response, 200, { ...(length === 0 ? {} : { data, includes: { users } }), meta });
}

function mistake(query: string, since: string, count: number, endMs: number, now: number) {
  if (query === '' || query.length > 512) return 'query must be 1 to 512 characters';
  if (!(count >= 10 && count <= 100)) return 'max_results must be between 10 and 100';
  if (endMs > now - END_AGO_MS) return 'end_time must be 10 seconds prior to the request';
  const isOld = since !== '0' && timeOf(since) < now - WEEK_MS;
  return isOld ? 'since_id must be a post id created after 7 days ago' : undefined;
}

/** Number of the first post that is not older. */
function indexAt(ms: number, timeline: Timeline): number {
  return Math.min(timeline.out, Math.max(0, timeline.indexAt(ms * 1000)));
}

function firstAfter(since: string, timeline: Timeline, post: (index: number) => MadePost): number {
  let index = since === '0' ? 0 : indexAt(timeOf(since), timeline);
  while (index < timeline.out && BigInt(post(index).id) <= BigInt(since)) index += 1;
  return index;
}
