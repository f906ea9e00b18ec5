// One request to a Mastodon server, with its token, its redirects and the meaning of its refusals.
import type { Secret } from '../../params/secret.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { notBefore, refusal } from '../http/refusal.ts';

export interface MastodonServer {
  /** Base address, `https://mastodon.social`. */
  readonly url: string;
  /** Of an application with the scope read:statuses; undefined: as a visitor. */
  readonly token?: Secret | undefined;
}

export interface MastodonLimits {
  /** Longest time until a server has answered, in milliseconds. */
  readonly answerMs: number;
  /** Longest silence of a stream; Mastodon sends a heartbeat each 15 s. */
  readonly stallMs: number;
}

/** What every request of one source shares. */
export interface MastodonAccess {
  readonly server: MastodonServer;
  readonly limits: MastodonLimits;
  readonly clock: Clock;
}

const REDIRECTS_MAX = 3;

export function hostOf(server: MastodonServer): string {
  return new URL(server.url).host;
}

/**
 * GET of `path`; `doing` completes "cannot ...". Resolves with the answer of 200, its body not yet read; `signal` ends that
 * too. Throws SOURCE_REJECTED or SOURCE_UNAVAILABLE.
 */
export async function ask(
  { server, clock }: MastodonAccess,
  path: string,
  doing: string,
  signal: AbortSignal,
): Promise<Response> {
  let url = new URL(`${server.url.replace(/\/+$/, '')}${path}`);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const answer = await send(url, server, doing, signal);
    if (answer.status === 200) return answer;
    await answer.body?.cancel();
    const moved = movedTo(url, answer);
    if (!moved) {
      const header = (name: string) => answer.headers.get(name);
      const { status } = answer;
      throw refusal({ doing, status, header, nowMs: clock.now(), hint: hintFor(status, server) });
    }
    url = moved;
  }
  throw unavailable(`cannot ${doing}: it redirects without end`);
}

async function send(
  url: URL,
  server: MastodonServer,
  doing: string,
  signal: AbortSignal,
): Promise<Response> {
  const token = server.token?.reveal();
  const headers = {
    'user-agent': 'kafka-hive',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  try {
    return await fetch(url, { headers, redirect: 'manual', signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw unavailable(`cannot ${doing}: ${causeOf(error)}`);
  }
}

/**
 * Large servers answer streams from a host of their own and redirect there; `fetch` would leave the token behind. It is taken
 * along only when nothing but the host changes.
 */
function movedTo(from: URL, answer: Response): URL | undefined {
  const location = answer.headers.get('location');
  if (answer.status < 300 || answer.status >= 400 || location === null) return undefined;
  const to = new URL(location, from);
  return to.protocol === from.protocol && to.pathname === from.pathname ? to : undefined;
}

/** Milliseconds since 1970 before which nothing more may be asked; undefined: go on. */
export function exhaustedUntil(answer: Response, nowMs: number): number | undefined {
  if (answer.headers.get('x-ratelimit-remaining') !== '0') return undefined;
  return notBefore((name) => answer.headers.get(name), nowMs);
}

/** The words of a failed fetch or of a body that broke off: the cause says more than "fetch failed". */
export function causeOf(error: unknown): string {
  return describe(error instanceof Error && error.cause !== undefined ? error.cause : error);
}

export function unavailable(message: string): PipelineError {
  return new PipelineError('SOURCE_UNAVAILABLE', message, {
    hint: 'Check the network and mastodon.servers in config.json.',
  });
}

function hintFor(status: number, server: MastodonServer): string {
  const isClosed = status === 401 || status === 403 || status === 422;
  if (!isClosed) return 'Check mastodon.servers in config.json: is there a Mastodon server?';
  const how =
    'a token of an application with the scope read:statuses, made under Preferences, Development';
  return server.token === undefined
    ? `This server shows hashtags to its members only. Take another server, or give it ${how}.`
    : `The server does not take its token: set ${how}.`;
}
