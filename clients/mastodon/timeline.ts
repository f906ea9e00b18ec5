// The REST timeline of a hashtag, page by page towards the present.
import { jsonOf, textWithin } from '../http/body.ts';
import {
  ask,
  causeOf,
  exhaustedUntil,
  hostOf,
  type MastodonAccess,
  unavailable,
} from './request.ts';
import { isNewer, type Status, statusIn } from './status.ts';

export interface TimelinePage {
  /** Oldest first. */
  readonly statuses: readonly Status[];
  /** Entries that are no status. */
  readonly malformed: number;
  /** When the server wrote it, by its own clock where it tells: milliseconds since 1970, at most a second too early. */
  readonly servedMs: number;
  /** Milliseconds since 1970 before which the server will refuse the next request; undefined: go on. */
  readonly exhaustedUntil: number | undefined;
}

const PAGE_SIZE = 40;
const PAGE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The page of `tag` (without `#`) just after the status `minId`; undefined: the newest status alone. Empty: nothing newer.
 * Throws SOURCE_REJECTED or SOURCE_UNAVAILABLE.
 */
export async function hashtagPage(
  access: MastodonAccess,
  tag: string,
  minId: string | undefined,
  signal: AbortSignal,
): Promise<TimelinePage> {
  const query = minId === undefined ? 'limit=1' : `limit=${PAGE_SIZE}&min_id=${minId}`;
  const path = `/api/v1/timelines/tag/${encodeURIComponent(tag)}?${query}`;
  const doing = `read #${tag} of ${hostOf(access.server)}`;
  const { answerMs } = access.limits;
  const late = unavailable(`cannot ${doing}: no answer in ${answerMs / 1000} s`);
  const giveUp = new AbortController();
  const onAbort = () => giveUp.abort(signal.reason);
  const timer = setTimeout(() => giveUp.abort(late), answerMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const answer = await ask(access, path, doing, giveUp.signal);
    const nowMs = access.clock.now();
    const servedMs = Date.parse(answer.headers.get('date') ?? '');
    const body = await textOf(answer, doing, giveUp.signal);
    const listed = listIn(body, doing);
    const statuses = listed.flatMap((value) => statusIn(value) ?? []).sort(byAge);
    return {
      statuses,
      malformed: listed.length - statuses.length,
      servedMs: Number.isNaN(servedMs) ? nowMs : servedMs,
      exhaustedUntil: exhaustedUntil(answer, access.clock.now()),
    };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function textOf(answer: Response, doing: string, signal: AbortSignal): Promise<string> {
  try {
    return await textWithin(answer, PAGE_BYTES_MAX);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw unavailable(`cannot ${doing}: ${causeOf(error)}`);
  }
}

function listIn(body: string, doing: string): readonly unknown[] {
  const listed = jsonOf(body);
  if (Array.isArray(listed)) return listed;
  throw unavailable(`cannot ${doing}: the answer is no list of statuses`);
}

/** Oldest first. */
function byAge(a: Status, b: Status): number {
  if (a.id === b.id) return 0;
  return isNewer(a.id, b.id) ? 1 : -1;
}
