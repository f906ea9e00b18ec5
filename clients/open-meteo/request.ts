// One request to Open-Meteo: its time limit, its size limit, its key and the meaning of its refusals.
import type { Secret } from '../../params/secret.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { describe, isCode, PipelineError } from '../../pipeline/errors.ts';
import { withTimeout } from '../../pipeline/retry.ts';
import { jsonOf, textWithin } from '../http/body.ts';
import { refusal } from '../http/refusal.ts';
import type { Pace } from './pace.ts';

export interface OpenMeteoAccess {
  readonly apiKey: Secret | undefined;
  readonly requestTimeoutMs: number;
  readonly pace: Pace;
  readonly clock: Clock;
}

const ANSWER_BYTES_MAX = 1024 * 1024;
const REASON_LENGTH_MAX = 200;
const MINUTE_MS = 60_000;
/** How long we stay away when the limit of an hour or a day is used up; then it is tried again. */
const AWAY_MS = 15 * MINUTE_MS;

/**
 * The JSON of a GET; `doing` completes "cannot ...". Throws SOURCE_REJECTED for what will stay as it is (400: the server's
 * reason is told), SOURCE_UNAVAILABLE for 429, 5xx, silence and what is no JSON. After a 429 nobody asks before the server
 * wants us again.
 */
export async function askJson(
  access: OpenMeteoAccess,
  url: URL,
  doing: string,
  signal: AbortSignal,
): Promise<unknown> {
  const { apiKey, requestTimeoutMs: limitMs, pace } = access;
  if (apiKey) url.searchParams.set('apikey', apiKey.reveal());
  try {
    return await pace.run(async () => {
      const giveUp = new AbortController();
      const late = () => unavailable(`cannot ${doing}: no answer in ${limitMs / 1000} s`);
      try {
        const asked = exchange(access, url, doing, giveUp.signal);
        return await withTimeout(asked, limitMs, late, signal);
      } finally {
        giveUp.abort();
      }
    }, signal);
  } catch (error) {
    const until = isCode(error, 'SOURCE_UNAVAILABLE') ? error.context['notBeforeMs'] : undefined;
    if (typeof until === 'number') pace.stayAway(Math.min(until, access.clock.now() + AWAY_MS));
    throw error;
  }
}

async function exchange(
  access: OpenMeteoAccess,
  url: URL,
  doing: string,
  signal: AbortSignal,
): Promise<unknown> {
  let answer: Response;
  let body: string;
  try {
    answer = await fetch(url, { headers: { 'user-agent': 'kafka-hive' }, signal });
    body = await textWithin(answer, ANSWER_BYTES_MAX);
  } catch (error) {
    // "fetch failed" says little, its cause more.
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw unavailable(`cannot ${doing}: ${withoutKey(describe(cause), access)}`);
  }
  const json = jsonOf(body);
  if (answer.status === 200 && json !== undefined) return json;
  if (answer.status === 200) throw unavailable(`cannot ${doing}: the answer is no JSON`);
  const { reason } = Object(json) as { reason?: unknown };
  const said = typeof reason === 'string' ? reason.slice(0, REASON_LENGTH_MAX) : '';
  throw refused(answer, doing, withoutKey(said, access), access.clock.now());
}

function refused(answer: Response, doing: string, said: string, nowMs: number): PipelineError {
  const { status } = answer;
  const header = (name: string) => answer.headers.get(name) ?? retryAfter(name, status, said);
  const hint =
    status === 401 || status === 403
      ? 'Check openMeteo.apiKey: without one use the free addresses, with one those of customers.'
      : 'Check the addresses in openMeteo of config.json.';
  const error = refusal({ doing, status, header, nowMs, hint });
  if (said === '') return error;
  return new PipelineError(error.code, `${error.message} (${said})`, {
    hint: error.hint ?? hint,
    context: error.context,
  });
}

/** Open-Meteo tells in words which limit is used up; the header is missing. */
function retryAfter(name: string, status: number, said: string): string | null {
  if (name !== 'retry-after' || status !== 429) return null;
  const ms = /^(hourly|daily|monthly)/i.test(said) ? AWAY_MS : MINUTE_MS;
  return String(ms / 1000);
}

function withoutKey(text: string, { apiKey }: OpenMeteoAccess): string {
  return apiKey ? text.replaceAll(apiKey.reveal(), '[secret]') : text;
}

export function unavailable(message: string): PipelineError {
  return new PipelineError('SOURCE_UNAVAILABLE', message, {
    hint: 'Check the network and the addresses in openMeteo of config.json.',
  });
}
