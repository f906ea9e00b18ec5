// Posts of X's filtered stream, supervised here: every connection ends one day, and X says how long to stay away.
import { ReconnectBackoff } from '../../clients/twitter/backoff.ts';
import {
  connectX,
  XAttemptFailed,
  type XFailure,
  type XSettings,
} from '../../clients/twitter/connection.ts';
import { ensureRule } from '../../clients/twitter/rules.ts';
import { readStream, type XPayload } from '../../clients/twitter/stream.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Source, SourceGap, SourceRecord } from '../../pipeline/source.ts';
import { encodePost, postFromX } from '../post.ts';

/** Id of the last post. X's stream cannot resume after it; it says where a gap begins. */
export interface XCursor {
  readonly id: string;
}

export interface XSourceOptions {
  readonly config: XSettings;
  /** With or without `#`; a post needs one of them. */
  readonly hashtags: readonly string[];
  /** Milliseconds without any success after which the source gives up; waiting for a rate limit does not count. */
  readonly retryMs: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<XLimits>;
}

export interface XLimits {
  /** Longest time until X answers. */
  readonly connectMs: number;
  /** Longest silence of the stream; X sends a keep-alive each 20 s. */
  readonly stallMs: number;
  /** Shortens every pause, for tests. */
  readonly pauseFactor: number;
}

const LIMITS: XLimits = { connectMs: 15_000, stallMs: 30_000, pauseFactor: 1 };

/**
 * Connects until stopped. Throws SOURCE_REJECTED when X refuses for good (400, 401, 402, 403), SOURCE_UNAVAILABLE when
 * nothing worked for `retryMs`, CONFIG_CREDENTIALS_MISSING without a token. Posts sent while not connected are missed:
 * X replays them for Enterprise customers only.
 */
export class XSource implements Source<XCursor> {
  readonly name = 'x';
  readonly gaps: readonly SourceGap[] = [];
  readonly #options: XSourceOptions;
  readonly #limits: XLimits;
  readonly #backoff = new ReconnectBackoff();
  #rules: ReadonlySet<string> | undefined;
  #failingSince: number | undefined;
  #leftOut = 0;

  constructor(options: XSourceOptions) {
    connectX(options.config).close();
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Payloads that were not sent: posts of others' rules, lines without a post. */
  get leftOut(): number {
    return this.#leftOut;
  }

  parseCursor(saved: unknown): XCursor {
    const { id } = (saved ?? {}) as { id?: unknown };
    if (typeof id === 'string') return { id };
    throw new PipelineError('POSITION_CORRUPT', 'what was saved is no cursor of the source x', {
      hint: 'Start it once with --from-start.',
    });
  }

  async *read(
    _after: XCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<XCursor>, void, void> {
    while (!signal.aborted) {
      try {
        for await (const payload of this.#connection(signal)) {
          const record = this.#record(payload);
          if (record) yield record;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof XAttemptFailed)) throw error;
        await this.#waitAfter(error.failure, signal);
      }
    }
  }

  async *#connection(signal: AbortSignal): AsyncGenerator<XPayload, void, void> {
    const { config, hashtags, log } = this.#options;
    const { connectMs, stallMs } = this.#limits;
    const rule = hashtags.map((hashtag) => `#${hashtag.replace(/^[#＃]/, '')}`).join(' OR ');
    this.#rules ??= await ensureRule(config, rule, connectMs, signal);
    log.info('connecting to the filtered stream of X', { rule });
    const onAlive = () => {
      this.#failingSince = undefined;
      this.#backoff.reset();
    };
    yield* readStream(config, { connectMs, stallMs, log, onAlive }, signal);
  }

  #record(payload: XPayload): SourceRecord<XCursor> | undefined {
    const post = this.#matches(payload) ? postFromX(payload) : undefined;
    if (!post?.id) {
      this.#leftOut += 1;
      return undefined;
    }
    const record = { key: Buffer.from(post.id), value: encodePost(post) };
    return { record, cursor: { id: post.id }, id: post.id };
  }

  /** Posts that came only because of other rules of the same app are not for us. */
  #matches(payload: XPayload): boolean {
    const rules = payload.matching_rules;
    if (!Array.isArray(rules)) return true;
    return rules.some((rule: { id?: unknown }) => this.#rules?.has(String(rule?.id)));
  }

  async #waitAfter(failure: XFailure, signal: AbortSignal): Promise<void> {
    const { clock, log, retryMs } = this.#options;
    if (failure.error.retry === 'never') throw failure.error;
    // Somebody deleted our rule: set it again.
    if (failure.status === 409) this.#rules = undefined;
    this.#failingSince ??= clock.monotonic();
    const pause = this.#backoff.pauseAfter(failure.kind, clock.now(), failure.resetAtMs);
    const pauseMs = Math.ceil(pause * this.#limits.pauseFactor);
    const failingMs = clock.monotonic() - this.#failingSince;
    if (failingMs > retryMs) throw lastOf(failure, failingMs);
    if (failure.kind === 'rate-limit') this.#failingSince += pauseMs;
    log.warn(`${failure.error.message}; again in ${pauseMs} ms`);
    await clock.sleep(pauseMs, signal);
  }
}

function lastOf(failure: XFailure, failingMs: number): PipelineError {
  const { message, hint, context } = failure.error;
  const tried = `tried for ${Math.round(failingMs / 1000)} s`;
  return new PipelineError('SOURCE_UNAVAILABLE', `${message} (${tried})`, {
    ...(hint === undefined ? {} : { hint }),
    context,
  });
}
