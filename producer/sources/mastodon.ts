// Posts of one hashtag on one Mastodon server: live with a token, by asking again and again without one.
import {
  hostOf,
  type MastodonLimits,
  type MastodonServer,
} from '../../clients/mastodon/request.ts';
import { earlierId, isNewer, olderOf, type Status } from '../../clients/mastodon/status.ts';
import { HashtagStream } from '../../clients/mastodon/stream.ts';
import { hashtagPage, type TimelinePage } from '../../clients/mastodon/timeline.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Source, SourceRecord } from '../../pipeline/source.ts';
import { normaliseHashtag } from '../hashtag.ts';
import { postFromMastodon } from './mastodon-post.ts';
import { postRecord } from './post-record.ts';
import { AWAY_MS_MAX, Reconnects } from './reconnects.ts';
import { Wanted } from './wanted.ts';

/** As this server numbers statuses: every one up to this id was read, late ones too. It need not be the id of any. */
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

/** A stream that lasts so long is worth keeping although it brings nothing; its greeting alone proves nothing. */
const STEADY_MS = 10_000;

type Item = SourceRecord<MastodonCursor>;
type Items = AsyncGenerator<Item, void, void>;

/** Where a read stands. */
interface Place {
  /** The cursor's: each look begins there. Undefined until the newest status is known. */
  id: string | undefined;
  /** How far a look has come that broke off: the next one goes on there, without what came late before it. */
  unfinished?: string | undefined;
  /** The newest status a page has shown. */
  newest?: string | undefined;
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
  #isToldOfMalformed = false;
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

  /** Posts in other languages and what is no status; those that came again count again. */
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
    const { clock } = this.#options;
    yield* this.#begin(place, signal);
    const stream = await HashtagStream.open(this.#access, this.#tag, signal);
    try {
      // What came late to where an earlier look was already over is in no page of the rest, nor in this stream.
      while (place.unfinished !== undefined) yield* this.#look(place, reconnects, signal);
      yield* this.#look(place, reconnects, signal);
      const steadyAt = clock.monotonic() + STEADY_MS;
      for await (const statuses of stream.statuses(signal, () => this.#malformed(1))) {
        if (statuses.length > 0 || clock.monotonic() > steadyAt) reconnects.worked();
        for (const status of statuses) {
          yield this.#item(status, place);
          this.#moveTo(earlierId(status.id, this.#limits.overlapMs), place);
        }
      }
    } finally {
      stream.close();
    }
  }

  async *#poll(place: Place, reconnects: Reconnects, signal: AbortSignal): Items {
    yield* this.#begin(place, signal);
    while (!signal.aborted) {
      yield* this.#look(place, reconnects, signal);
      reconnects.worked();
      await this.#options.clock.sleep(this.#limits.pollMs, signal);
    }
  }

  /** Finds the place of a source that starts afresh: the newest status there is. */
  async *#begin(place: Place, signal: AbortSignal): Items {
    if (place.id !== undefined) return;
    const [newest] = (await this.#page(undefined, signal)).statuses;
    // `0` where there is none yet: without it the first look would show only the newest page of what came since.
    place.id = earlierId(newest?.id ?? '0', this.#limits.overlapMs);
    yield { record: undefined, cursor: { id: place.id } };
  }

  /** Reads the timeline from the place, or from where the look before broke off, to its end. */
  async *#look(place: Place, reconnects: Reconnects, signal: AbortSignal): Items {
    let minId = place.unfinished ?? place.id ?? '0';
    while (!signal.aborted) {
      place.unfinished = minId;
      const { statuses, servedMs } = await this.#page(minId, signal);
      for (const status of statuses) yield this.#item(status, place);
      const newest = statuses.at(-1)?.id;
      // A server that does not know `min_id` would send the same page for ever.
      if (newest === undefined || !isNewer(newest, minId)) break;
      // A long way may be interrupted often: what counts is that it goes on, not that the end of it shows again.
      if (isNewer(newest, place.newest ?? '0')) {
        place.newest = newest;
        reconnects.worked();
      }
      // Behind a stretch to which something may still come late, the place waits for the next look.
      if (minId === place.id) {
        this.#moveTo(olderOf(newest, servedMs - this.#limits.overlapMs), place);
      }
      minId = newest;
    }
    place.unfinished = undefined;
  }

  #moveTo(id: string, place: Place): void {
    if (isNewer(id, place.id ?? '0')) place.id = id;
  }

  async #page(minId: string | undefined, signal: AbortSignal): Promise<TimelinePage> {
    const { clock, log } = this.#options;
    const pauseMs = Math.min(this.#exhaustedUntil - clock.now(), AWAY_MS_MAX);
    if (pauseMs > 0) {
      log.info(`${this.#host} takes no more requests for ${Math.ceil(pauseMs / 1000)} s`);
      await clock.sleep(pauseMs, signal);
    }
    const page = await hashtagPage(this.#access, this.#tag, minId, signal);
    this.#exhaustedUntil = page.exhaustedUntil ?? 0;
    this.#malformed(page.malformed);
    return page;
  }

  /** Told once: a page shows the same one again and again. */
  #malformed(count: number): void {
    if (count === 0) return;
    if (!this.#isToldOfMalformed) this.#options.log.warn(`${this.name} sends what is no status`);
    this.#isToldOfMalformed = true;
    this.#leftOut += count;
  }

  get #access() {
    return { server: this.#options.server, limits: this.#limits, clock: this.#options.clock };
  }

  #item(status: Status, { id = '0' }: Place): Item {
    const cursor = { id };
    const post = postFromMastodon(status, this.#host);
    const isWanted = this.#wanted.speaks(post.lang === null ? [] : [post.lang]);
    const found = isWanted ? postRecord(post, this.#options.log) : undefined;
    if (!found) this.#leftOut += 1;
    return { record: undefined, ...found, cursor };
  }
}
