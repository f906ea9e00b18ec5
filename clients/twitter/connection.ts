// The client of the X API: base address, token and sockets of one attempt, and what its failures mean.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  ApiPartialResponseError,
  ApiRequestError,
  ApiResponseError,
  type ITwitterApiClientPlugin,
  TwitterApi,
  type TwitterApiv2,
  type TwitterResponse,
} from 'twitter-api-v2';
import type { Config } from '../../params/schema.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { withTimeout } from '../../pipeline/retry.ts';
import type { XAnswers } from './answers.ts';
import type { FailureKind } from './backoff.ts';

export type XSettings = Config['x'];

export interface XConnection {
  readonly v2: TwitterApiv2;
  /** Ends every request, also one that never gets an answer. */
  close(): void;
}

export interface XAccess {
  readonly config: XSettings;
  /** Longest time until X answers, in milliseconds. */
  readonly answerMs: number;
  readonly answers: XAnswers;
}

export interface XQuestion<T> {
  /** Completes "cannot ...". */
  readonly doing: string;
  /** Names the rate limit it counts against. */
  readonly limit: string;
  readonly ask: (v2: TwitterApiv2) => Promise<TwitterResponse<T>>;
}

/** One request with sockets of its own; what it says beside the answer is heard. Throws XAttemptFailed. */
export async function askX<T>(
  { config, answerMs, answers }: XAccess,
  { doing, limit, ask }: XQuestion<T>,
  signal: AbortSignal,
): Promise<T> {
  const connection = connectX(config);
  const asking = ask(connection.v2);
  try {
    const answer = await withTimeout(asking, answerMs, () => tooLate(doing, answerMs), signal);
    answers.heard(limit, answer.headers);
    return answer.data;
  } catch (error) {
    throw signal.aborted ? error : attemptFailed(error, doing, limit, answers);
  } finally {
    connection.close();
    asking.catch(() => undefined);
  }
}

/** A client with sockets of its own. Throws CONFIG_CREDENTIALS_MISSING without a bearer token. */
export function connectX(config: XSettings): XConnection {
  if (!config.bearerToken) {
    throw new PipelineError(
      'CONFIG_CREDENTIALS_MISSING',
      'the source x needs a bearer token of the X API, and x.bearerToken is not set',
      {
        hint: 'Set x.bearerToken in config.json, KH_X__BEARER_TOKEN or KH_X__BEARER_TOKEN_FILE; or take a source that needs none: `--source bluesky` for live posts, or `--input posts.ndjson` for your own.',
      },
    );
  }
  const isPlain = new URL(config.apiUrl).protocol === 'http:';
  const agent = isPlain ? new HttpAgent() : new HttpsAgent({ rejectUnauthorized: true });
  const api = new TwitterApi(config.bearerToken.reveal(), {
    httpAgent: agent,
    plugins: [baseAddress(config.apiUrl)],
    // Piped through gunzip, a cut connection would not be noticed before the stall limit.
    compression: false,
  });
  return { v2: api.v2, close: () => agent.destroy() };
}

/** Sends every request to `apiUrl`; the path with its `/2/` stays, because the body encoding is chosen by it. */
function baseAddress(apiUrl: string): ITwitterApiClientPlugin {
  const base = apiUrl.replace(/\/+$/, '');
  const redirect = (params: { url: string }) => {
    const url = new URL(params.url);
    params.url = `${base}${url.pathname}${url.search}`;
  };
  return {
    onBeforeRequestConfig: ({ params }) => redirect(params),
    onBeforeStreamRequestConfig: ({ params }) => redirect(params),
  };
}

/** A failed attempt: what it means for us, and how long X wants us to stay away. */
export interface XFailure {
  readonly kind: FailureKind;
  readonly error: PipelineError;
  /** HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  /** X's own name of the trouble, such as RulesCapExceeded. */
  readonly title: string | undefined;
  /** Milliseconds since 1970 before which X will refuse again. */
  readonly resetAtMs: number | undefined;
}

/** Thrown out of clients/twitter; the supervising source decides whether and when to try again. */
export class XAttemptFailed extends Error {
  override readonly name = 'XAttemptFailed';
  readonly failure: XFailure;

  constructor(failure: XFailure) {
    super(failure.error.message);
    this.failure = failure;
  }
}

/** `doing` completes "cannot ...". Nothing of the request is kept: it carries the token. */
export function attemptFailed(
  error: unknown,
  doing: string,
  limit: string,
  answers: XAnswers,
): XAttemptFailed {
  if (error instanceof XAttemptFailed) return error;
  if (error instanceof ApiResponseError) {
    answers.heard(limit, error.headers ?? {});
    return new XAttemptFailed(refused(error, doing));
  }
  const words =
    error instanceof ApiPartialResponseError ? 'the answer was cut off' : networkWords(error);
  return new XAttemptFailed(network(`cannot ${doing}: ${words}`));
}

export function tooLate(doing: string, answerMs: number): XAttemptFailed {
  return new XAttemptFailed(network(`cannot ${doing}: no answer in ${answerMs / 1000} s`));
}

/** A failure below HTTP: nobody answered, or the connection broke. */
export function network(message: string): XFailure {
  const error = new PipelineError('SOURCE_UNAVAILABLE', message, {
    hint: 'Check the network and x.apiUrl in config.json.',
  });
  return { kind: 'network', error, status: undefined, title: undefined, resetAtMs: undefined };
}

function refused(answer: ApiResponseError, doing: string): XFailure {
  const status = answer.code;
  const { title, detail } = answer.data ?? {};
  const said = [title, detail].filter(Boolean).join(': ') || 'no explanation';
  const message = `cannot ${doing}: X answered ${status} (${said})`;
  const mayGetBetter = status === 409 || status === 429 || status >= 500;
  const error = new PipelineError(
    mayGetBetter ? 'SOURCE_UNAVAILABLE' : 'SOURCE_REJECTED',
    message,
    {
      hint: hintFor(status),
      context: { status },
    },
  );
  const resetAtMs = resetOf(answer.headers);
  return { kind: status === 429 ? 'rate-limit' : 'http', error, status, title, resetAtMs };
}

/** Told with every answer. Undefined while requests are left: then X refuses for another reason, such as a second stream. */
function resetOf(headers: Readonly<Record<string, unknown>> | undefined): number | undefined {
  if (Number(headers?.['x-rate-limit-remaining'] ?? 0) > 0) return undefined;
  const reset = Number(headers?.['x-rate-limit-reset']);
  return Number.isFinite(reset) && reset > 0 ? reset * 1000 : undefined;
}

function hintFor(status: number): string {
  if (status === 401) return 'Check x.bearerToken (KH_X__BEARER_TOKEN): X does not know it.';
  if (status === 402) return 'The X account has no credits left: buy some in the console of X.';
  if (status === 403) {
    return 'The plan of this X app does not include this, or the app is suspended: look at it in the console of X.';
  }
  if (status === 429) {
    return 'X limits requests, and stream connections to one per app; wait, or end the other one.';
  }
  if (status >= 500) return 'X has a problem of its own; it is tried again.';
  return 'Check the hashtags, producer.languages, producer.x.fields and x.apiUrl.';
}

/** twitter-api-v2 hides the cause of a failed request in a protected field. */
function networkWords(error: unknown): string {
  if (!(error instanceof ApiRequestError)) return describe(error);
  const hidden = (error as unknown as { _options?: { error?: Error } })._options?.error;
  return hidden?.message || 'the request failed';
}
