// Posts of one hashtag on one Mastodon server: live with a token, by asking again and again without one.
import {
  hostOf,
  type MastodonLimits,
  type MastodonServer,
} from '../../clients/mastodon/request.ts';
import { earlierId, isNewer, type Status } from '../../clients/mastodon/status.ts';
import { HashtagStream } from '../../clients/mastodon/stream.ts';
import { hashtagPage } from '../../clients/mastodon/timeline.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Source, SourceRecord } from '../../pipeline/source.ts';
import { normaliseHashtag } from '../hashtag.ts';
import { postFromMastodon } from './mastodon-post.ts';
import { postRecord } from './post-record.ts';
import { AWAY_MS_MAX, Reconnects } from './reconnects.ts';
import { Wanted } from './wanted.ts';

/** The newest status that was read, as this server numbers it. */
export interface MastodonCursor {
  readonly id: string;
}

export interface MastodonOptions {
  readonly server: MastodonServer;
  /** With or without `#`. */
  readonly hashtag: string;
  /** Such as `en`; `und`: posts that name none. Empty: every language. */
  readonly languages: readonly string[];
  /** Milliseconds without any success after which the source gives up; waiting for a rate limit does not count. */
  readonly retryMs: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<MastodonSourceLimits>;
}

export interface MastodonSourceLimits extends MastodonLimits {
  /** Milliseconds between two looks without a token. */
  readonly pollMs: number;
  /**
   * Milliseconds of ids that are read again each time: posts of other servers may arrive under an id older than one already
   * read, and servers were seen to answer with an empty page although there was more.
   */
  readonly overlapMs: number;
  /** Shortens every pause, for tests. */
  readonly pauseFactor: number;
}

const LIMITS: MastodonSourceLimits = {
  answerMs: 15_000,
  stallMs: 45_000,
  pollMs: 10_000,
  overlapMs: 2 * 60_000,
  pauseFactor: 1,
};

type Item = SourceRecord<MastodonCursor>;
type Items = AsyncGenerator<Item, void, void>;

/** Where a read stands; undefined until the newest status is known. */
interface Place {
  id: string | undefined;
  /** How far a look at the timeline has come that broke off: the next one goes on there. */
  unfinished?: string | undefined;
}

/**
 * Reads on from the cursor; without one from the newest status on. Posts come twice (each look reads two minutes again, and
 * several servers have the same post): `id` tells them. A post that was edited is not sent again. Throws SOURCE_REJECTED when
 * the server refuses for good (401, 403, 422: closed to visitors), SOURCE_UNAVAILABLE when nothing worked for `retryMs`.
 */
export class MastodonSource implements Source<MastodonCursor> {
  readonly name: string;
  /** A server gives back whatever it has: nothing is known to be missing. */
  readonly gaps = [];
  readonly #options: MastodonOptions;
  readonly #limits: MastodonSourceLimits;
  readonly #wanted: Wanted;
  readonly #tag: string;
  readonly #host: string;
  #leftOut = 0;
  /** Milliseconds since 1970: no request before. */
  #exhaustedUntil = 0;

  constructor(options: MastodonOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#wanted = new Wanted({ hashtags: [], languages: options.languages });
    this.#tag = normaliseHashtag(options.hashtag);
    this.#host = hostOf(options.server);
    this.name = `mastodon ${this.#host} #${this.#tag}`;
  }

  /** Posts in other languages and events that are no status; those that came again count again. */
  get leftOut(): number {
    return this.#leftOut;
  }

  parseCursor(saved: unknown): MastodonCursor {
    const { id } = Object(saved) as Partial<MastodonCursor>;
    if (typeof id === 'string' && /^[\w-]{1,64}$/.test(id)) return { id };
    throw new PipelineError('POSITION_CORRUPT', `the saved cursor is not one of ${this.name}`, {
      hint: 'Start with `--from-start` to ignore it: posts from now on are read.',
    });
  }

  async *read(after: MastodonCursor | undefined, signal: AbortSignal): Items {
    const { server, log } = this.#options;
    const reconnects = new Reconnects({ ...this.#options, ...this.#limits });
    const place: Place = { id: after?.id };
    log.info(`reading ${this.name}`, { live: server.token !== undefined });
    while (!signal.aborted) {
      try {
        yield* server.token
          ? this.#stream(place, reconnects, signal)
          : this.#poll(place, reconnects, signal);
      } catch (error) {
        if (signal.aborted) return;
        await reconnects.pause(error, signal);
      }
    }
  }

  /** The stream is opened first and read last: what comes while the timeline is read waits in it. */
  async *#stream(place: Place, reconnects: Reconnects, signal: AbortSignal): Items {
    const { log } = this.#options;
    yield* this.#begin(place, signal);
    const stream = await HashtagStream.open(this.#access, this.#tag, signal);
    try {
      yield* this.#catchUp(place, reconnects, signal);
      const onMalformed = () => {
        this.#leftOut += 1;
        log.warn(`the stream of ${this.name} sent an event that is no status`);
      };
      for await (const statuses of stream.statuses(signal, onMalformed)) {
        // Also at a heartbeat: a connection that brings nothing else is worth keeping.
        reconnects.worked();
        for (const status of statuses) yield this.#item(status, place);
      }
    } finally {
      stream.close();
    }
  }

  async *#poll(place: Place, reconnects: Reconnects, signal: AbortSignal): Items {
    yield* this.#begin(place, signal);
    while (!signal.aborted) {
      yield* this.#catchUp(place, reconnects, signal);
      reconnects.worked();
      await this.#options.clock.sleep(this.#limits.pollMs, signal);
    }
  }

  /** Finds the place of a source that starts afresh: the newest status there is. */
  async *#begin(place: Place, signal: AbortSignal): Items {
    if (place.id !== undefined) return;
    const [newest] = await this.#page(undefined, signal);
    // `0` where there is none yet: without it the first look would show only the newest page of what came since.
    place.id = newest?.id ?? '0';
    yield { record: undefined, cursor: { id: place.id } };
  }

  /** Reads the timeline to its end, from a little before the place on. */
  async *#catchUp(place: Place, reconnects: Reconnects, signal: AbortSignal): Items {
    let minId = place.unfinished ?? earlierId(place.id ?? '0', this.#limits.overlapMs);
    while (!signal.aborted) {
      place.unfinished = minId;
      const statuses = await this.#page(minId, signal);
      const before = place.id ?? '0';
      for (const status of statuses) yield this.#item(status, place);
      // A long way may be interrupted often: what counts is that it goes on.
      if (isNewer(place.id ?? '0', before)) reconnects.worked();
      const newest = statuses.at(-1)?.id;
      // A server that does not know `min_id` would send the same page for ever.
      if (newest === undefined || !isNewer(newest, minId)) break;
      minId = newest;
    }
    place.unfinished = undefined;
  }

  async #page(minId: string | undefined, signal: AbortSignal): Promise<readonly Status[]> {
    const { clock, log } = this.#options;
    const pauseMs = Math.min(this.#exhaustedUntil - clock.now(), AWAY_MS_MAX);
    if (pauseMs > 0) {
      log.info(`${this.#host} takes no more requests for ${Math.ceil(pauseMs / 1000)} s`);
      await clock.sleep(pauseMs, signal);
    }
    const page = await hashtagPage(this.#access, this.#tag, minId, signal);
    this.#exhaustedUntil = page.exhaustedUntil ?? 0;
    return page.statuses;
  }

  get #access() {
    return { server: this.#options.server, limits: this.#limits, clock: this.#options.clock };
  }

  #item(status: Status, place: Place): Item {
    if (place.id === undefined || isNewer(status.id, place.id)) place.id = status.id;
    const cursor = { id: place.id };
    const post = postFromMastodon(status, this.#host);
    const isWanted = this.#wanted.speaks(post.lang === null ? [] : [post.lang]);
    const found = isWanted ? postRecord(post, this.#options.log) : undefined;
    if (!found) this.#leftOut += 1;
    return { record: undefined, ...found, cursor };
  }
}
