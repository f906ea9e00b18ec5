// Posts of X: live from the filtered stream, and by search what was made while no stream was open, or where the plan has
// no stream.
import { XAnswers } from '../../clients/twitter/answers.ts';
import {
  connectX,
  type XAccess,
  XAttemptFailed,
  type XSettings,
} from '../../clients/twitter/connection.ts';
import { ensureRules, type MayDelete, type RuleSet } from '../../clients/twitter/rules.ts';
import { SEARCH_LAG_MS } from '../../clients/twitter/search.ts';
import { idAt, parseId, timeOf } from '../../clients/twitter/snowflake.ts';
import { type XPayload, XStream } from '../../clients/twitter/stream.ts';
import type { Params } from '../../params/schema.ts';
import type { Clock } from '../../pipeline/clock.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Source, SourceGap, SourceRecord } from '../../pipeline/source.ts';
import { postFromX } from '../post.ts';
import { postRecord } from './post-record.ts';
import { XBudget } from './x-budget.ts';
import { parseXCursor, type XCursor } from './x-cursor.ts';
import { LATE_MS, XHistory } from './x-history.ts';
import { XPatience } from './x-patience.ts';
import { xFields, xPrice, xQueries } from './x-queries.ts';

export interface XSourceOptions {
  readonly config: XSettings;
  readonly wishes: Params['producer']['x'];
  /** Undefined: no limit. */
  readonly postsPerDay: number | undefined;
  /** With or without `#`; a post needs one of them. */
  readonly hashtags: readonly string[];
  /** Such as `en`; `und`: posts whose language X cannot tell. Empty: every language. */
  readonly languages: readonly string[];
  /** Milliseconds without any success after which the source gives up; waiting for a rate limit does not count. */
  readonly retryMs: number;
  /** Asked before rules of others are deleted where `wishes.replaceRules` allows it. Undefined: there is nobody to ask. */
  readonly mayDelete?: MayDelete | undefined;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<XLimits>;
}

export interface XLimits {
  /** Longest time until X answers. */
  readonly answerMs: number;
  /** Longest silence of the stream; X sends a keep-alive each 20 s. */
  readonly stallMs: number;
}

const LIMITS: XLimits = { answerMs: 15_000, stallMs: 30_000 };
/** A stream gives every post that is made so long after it was opened, and after a new rule. */
const STREAM_BEGINS_MS = 10_000;
const RULE_BEGINS_MS = 30_000;
/** More than this is searched for before the stream is opened: X hangs up on who does not read. */
const LONG_MS = 2 * 60_000;
/** Between two searches where the plan has no stream. */
const POLL_MS = 30_000;
/** After so long a stream has sent what it was asked to send again. */
const BACKFILLED_MS = 60_000;
const MINUTE_MS = 60_000;

type Item = SourceRecord<XCursor>;
type Items = AsyncGenerator<Item, void, void>;

/** Where a read stands; `since` is undefined until it knows the time of X. */
interface Place {
  since: bigint | undefined;
  /** Before this time of X `since` stands still: older posts may still come. */
  heldUntilMs: number;
}

/**
 * Reads on from the cursor; without one from now on. Posts come twice (search reaches back before its place): `id` tells
 * them. Throws SOURCE_REJECTED when X refuses for good (400, 401, 402, 403, rules), SOURCE_UNAVAILABLE when nothing worked
 * for `retryMs`, CONFIG_CREDENTIALS_MISSING without a token.
 */
export class XSource implements Source<XCursor> {
  readonly name = 'x';
  readonly #options: XSourceOptions;
  readonly #access: XAccess;
  readonly #patience: XPatience;
  readonly #budget: XBudget;
  readonly #queries: readonly string[];
  readonly #fields: Readonly<Record<string, string>>;
  readonly #history: XHistory;
  #rules: RuleSet | undefined;
  #hasStream = true;
  #backfillMinutes: number;
  #leftOut = 0;

  constructor(options: XSourceOptions) {
    connectX(options.config).close();
    const { config, wishes, log, clock, limits } = options;
    const answers = new XAnswers(log, clock);
    this.#options = options;
    this.#access = { config, answerMs: limits?.answerMs ?? LIMITS.answerMs, answers };
    this.#patience = new XPatience({ ...options, answers });
    this.#budget = new XBudget({ ...options, price: xPrice(wishes), answers });
    this.#queries = xQueries(options.hashtags, options.languages);
    this.#fields = xFields(wishes);
    const parts = { access: this.#access, patience: this.#patience, budget: this.#budget };
    this.#history = new XHistory({ ...parts, queries: this.#queries, fields: this.#fields, log });
    this.#backfillMinutes = wishes.backfillMinutes;
  }

  /** Payloads that were not sent: posts of others' rules, lines without a post. */
  get leftOut(): number {
    return this.#leftOut;
  }

  get gaps(): readonly SourceGap[] {
    return this.#history.gaps;
  }

  parseCursor(saved: unknown): XCursor {
    return parseXCursor(saved);
  }

  async *read(after: XCursor | undefined, signal: AbortSignal): Items {
    const place: Place = { since: parseId(after?.id), heldUntilMs: 0 };
    if (after?.spent) this.#budget.resume(after.spent);
    try {
      while (!signal.aborted) {
        try {
          await this.#budget.ready(signal);
          yield* this.#hasStream ? this.#live(place, signal) : this.#poll(place, signal);
        } catch (error) {
          if (signal.aborted) return;
          if (!(error instanceof XAttemptFailed)) throw error;
          if (!this.#knowsAnotherWay(error)) await this.#pause(error, signal);
        }
      }
    } finally {
      this.#budget.tell();
    }
  }

  async *#live(place: Place, signal: AbortSignal): Items {
    const { answers } = this.#access;
    const isResumed = place.since !== undefined;
    const rules = await this.#ensureRules(signal);
    if (place.since !== undefined && answers.now() - timeOf(place.since) > this.#longMs) {
      yield* this.#search(place, answers.now() - SEARCH_LAG_MS, signal);
    }
    const stream = await this.#open(isResumed, signal);
    try {
      const openedMs = answers.now();
      this.#options.log.info('the filtered stream of X is open', { rules: this.#queries });
      if (place.since === undefined) {
        place.since = idAt(openedMs);
        yield this.#moved(place);
      } else if (openedMs - timeOf(place.since) + LATE_MS <= this.#backfillMinutes * MINUTE_MS) {
        place.heldUntilMs = openedMs + BACKFILLED_MS;
      } else {
        yield* this.#meet(
          openedMs + (rules.hasNew ? RULE_BEGINS_MS : STREAM_BEGINS_MS),
          place,
          signal,
        );
      }
      this.#rules = { ...rules, hasNew: false };
      for await (const came of stream.events(signal)) {
        if (typeof came === 'number') yield this.#quiet(came, place);
        else if (this.#matches(came, rules)) yield this.#item(came, place);
        else this.#leftOut += 1;
      }
    } finally {
      stream.close();
    }
  }

  #open(isResumed: boolean, signal: AbortSignal): Promise<XStream> {
    const { log, limits } = this.#options;
    return XStream.open(
      this.#access,
      {
        stallMs: limits?.stallMs ?? LIMITS.stallMs,
        fields: this.#fields,
        backfillMinutes: isResumed ? this.#backfillMinutes : 0,
        log,
        onAlive: () => this.#patience.worked(),
        onPost: () => {
          this.#budget.count(1);
          return this.#budget.left > 0;
        },
      },
      signal,
    );
  }

  /** Posts up to `toMs`, from where on the open stream has them all; they wait in it meanwhile, so that the order stays. */
  async *#meet(toMs: number, place: Place, signal: AbortSignal): Items {
    const { clock, log } = this.#options;
    const waitMs = Math.max(0, toMs + SEARCH_LAG_MS - this.#access.answers.now());
    log.info(
      `search has the posts before the stream in ${Math.ceil(waitMs / 1000)} s; live ones follow`,
    );
    await clock.sleep(waitMs, signal);
    yield* this.#search(place, toMs, signal);
  }

  /** What is longer than this is searched for before the stream is opened. */
  get #longMs(): number {
    const backfillMs = this.#backfillMinutes * MINUTE_MS;
    return backfillMs > 0 ? Math.min(LONG_MS, backfillMs / 2) : LONG_MS;
  }

  async *#poll(place: Place, signal: AbortSignal): Items {
    const { clock } = this.#options;
    const { answers } = this.#access;
    while (!signal.aborted) {
      // From what search has now on, so that a plan without search shows at once.
      place.since ??= idAt(answers.now() - SEARCH_LAG_MS);
      yield* this.#search(place, answers.now() - SEARCH_LAG_MS, signal);
      yield this.#moved(place);
      await clock.sleep(POLL_MS, signal);
    }
  }

  /** Every post from the place on, made before `toMs`. A plan with a stream and without search leaves a gap. */
  async *#search(place: Place, toMs: number, signal: AbortSignal): Items {
    const since = place.since ?? idAt(toMs);
    try {
      for await (const { posts, upTo } of this.#history.read(since, toMs, signal)) {
        for (const post of posts) yield this.#item(post, place);
        if (upTo > (place.since ?? 0n)) place.since = upTo;
      }
    } catch (error) {
      if (!this.#hasStream || !isForbidden(error)) throw error;
      this.#history.missed(timeOf(place.since ?? since), toMs, error.message);
      place.since = idAt(toMs);
    }
  }

  async #ensureRules(signal: AbortSignal): Promise<RuleSet> {
    const { wishes, mayDelete } = this.#options;
    const mayReplace: MayDelete = async (values) =>
      wishes.replaceRules && (mayDelete === undefined || (await mayDelete(values)));
    this.#rules ??= await ensureRules(this.#access, this.#queries, mayReplace, signal);
    return this.#rules;
  }

  /** A plan may lack backfill, or the stream: then the rest has to do. False: the failure is a failure. */
  #knowsAnotherWay({ failure, message }: XAttemptFailed): boolean {
    const { log } = this.#options;
    if (this.#backfillMinutes > 0 && (failure.status === 400 || failure.status === 403)) {
      log.warn(`${message}; going on without producer.x.backfillMinutes, by search`);
      this.#backfillMinutes = 0;
      return true;
    }
    if (!this.#hasStream || failure.status !== 403) return false;
    log.warn(`${message}; reading by search instead, each ${POLL_MS / 1000} s`);
    this.#hasStream = false;
    return true;
  }

  async #pause({ failure }: XAttemptFailed, signal: AbortSignal): Promise<void> {
    // Somebody deleted our rules: set them again.
    if (failure.status === 409) this.#rules = undefined;
    await this.#patience.pause(failure, signal).catch((reason) => {
      if (!signal.aborted) throw reason;
    });
  }

  /** Nothing came at this time of X: what was made long enough before is not on its way any more. */
  #quiet(atMs: number, place: Place): Item {
    const proved = idAt(atMs - LATE_MS);
    if (atMs >= place.heldUntilMs && proved > (place.since ?? 0n)) place.since = proved;
    return this.#moved(place);
  }

  #moved({ since = 0n }: Place): Item {
    return { record: undefined, cursor: { id: String(since), spent: this.#budget.spent } };
  }

  #item(payload: XPayload, place: Place): Item {
    const post = postFromX(payload);
    const id = parseId(post?.id);
    const isHeld = this.#access.answers.now() < place.heldUntilMs;
    if (id !== undefined && !isHeld && id > (place.since ?? 0n)) place.since = id;
    const found =
      post && id !== undefined
        ? postRecord({ ...post, id: String(id) }, this.#options.log)
        : undefined;
    if (!found) this.#leftOut += 1;
    return { ...this.#moved(place), ...found };
  }

  /** Posts that came only because of other rules of the same app are not for us. */
  #matches(payload: XPayload, { ids }: RuleSet): boolean {
    const rules = payload.matching_rules;
    if (!Array.isArray(rules)) return true;
    return rules.some((rule: { id?: unknown }) => ids.has(String(rule?.id)));
  }
}

function isForbidden(error: unknown): error is XAttemptFailed {
  return error instanceof XAttemptFailed && error.failure.status === 403;
}
