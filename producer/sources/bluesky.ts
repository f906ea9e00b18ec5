// Posts of Bluesky, free and without a key: its Jetstream servers send every post, the hashtag is looked for here.
import { isTimeUs, type JetstreamEvent, readJetstream } from '../../clients/bluesky/jetstream.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Source, SourceGap, SourceRecord } from '../../pipeline/source.ts';
import { blueskyHashtags, blueskyLanguages, postFromBluesky } from './bluesky-post.ts';
import { type JetstreamCursor, JetstreamPosition, type Rewind } from './jetstream-position.ts';
import { type PostRecord, postRecord } from './post-record.ts';
import { Reconnects } from './reconnects.ts';
import { Wanted } from './wanted.ts';

export interface BlueskyOptions {
  /** Addresses of Jetstream servers, `wss://...`; the next one takes over when one fails. At least one. */
  readonly hosts: readonly string[];
  /** With or without `#`; empty: every post. */
  readonly hashtags: readonly string[];
  /** Such as `en`; `und`: posts that name none. Empty: every language. */
  readonly languages: readonly string[];
  /** Milliseconds without any success after which the source gives up. */
  readonly retryMs: number;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<BlueskyLimits>;
}

export interface BlueskyLimits extends Rewind {
  readonly connectMs: number;
  readonly stallMs: number;
  /** Milliseconds after which the cursor is given out although no post was wanted. */
  readonly quietMs: number;
  /** Shortens every pause, for tests. */
  readonly pauseFactor: number;
}

const LIMITS: BlueskyLimits = {
  connectMs: 10_000,
  stallMs: 30_000,
  sameHostMs: 5_000,
  otherHostMs: 30_000,
  quietMs: 3_000,
  pauseFactor: 1,
};

/**
 * Connects until stopped, from the cursor on; without one from now on. Servers keep 36 hours: what is older is missing and
 * told as a gap. A post is what was created; that it was changed or deleted afterwards is not sent. After each connection
 * some seconds are read again, so posts come twice: `id` tells them. Throws SOURCE_REJECTED when a server refuses for good
 * (400, 401, 403, 404), SOURCE_UNAVAILABLE when no host worked for `retryMs`.
 */
export class BlueskySource implements Source<JetstreamCursor> {
  readonly name = 'bluesky';
  readonly gaps: SourceGap[] = [];
  readonly #options: BlueskyOptions;
  readonly #limits: BlueskyLimits;
  readonly #wanted: Wanted;
  #leftOut = 0;

  constructor(options: BlueskyOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#wanted = new Wanted(options);
  }

  /** Posts without the hashtag or in other languages, and frames that are no event; those that came again count again. */
  get leftOut(): number {
    return this.#leftOut;
  }

  parseCursor(saved: unknown): JetstreamCursor {
    const times = Object.entries(Object(Object(saved).hosts));
    if (times.length > 0 && times.every(([, time]) => isTimeUs(time)))
      return saved as JetstreamCursor;
    throw new PipelineError('POSITION_CORRUPT', 'the saved cursor is not one of bluesky', {
      hint: 'Start with `--from-start` to ignore it: posts from now on are read.',
    });
  }

  async *read(
    after: JetstreamCursor | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<JetstreamCursor>, void, void> {
    const { hosts, log } = this.#options;
    const position = new JetstreamPosition(after, this.#limits);
    const reconnects = new Reconnects({ ...this.#options, ...this.#limits });
    const timeOn = (host: string) => after?.hosts[host] ?? 0;
    let turn = hosts.indexOf(hosts.toSorted((a, b) => timeOn(b) - timeOn(a))[0] ?? '');
    while (!signal.aborted) {
      const host = hosts[turn % hosts.length] ?? '';
      let isUseful = false;
      const onMove = () => {
        isUseful = true;
        reconnects.worked();
      };
      try {
        log.info('connecting to Jetstream', { host });
        yield* this.#connection(host, position, onMove, signal);
      } catch (error) {
        if (signal.aborted) return;
        // A host that brought us further may simply have been restarted: it is asked first.
        if (!isUseful) turn += 1;
        await reconnects.pause(error, signal);
      }
    }
  }

  async *#connection(
    host: string,
    position: JetstreamPosition,
    onMove: () => void,
    signal: AbortSignal,
  ): AsyncGenerator<SourceRecord<JetstreamCursor>, void, void> {
    const { clock, log } = this.#options;
    let malformed = 0;
    const onMalformed = () => {
      this.#leftOut += 1;
      malformed += 1;
      if (malformed === 1) log.warn('Jetstream sends frames that are no event', { host });
    };
    const options = { ...this.#limits, clock, onMalformed };
    let isFirst = true;
    let yieldedAt = clock.monotonic();
    for await (const events of readJetstream(host, position.startAt(host), options, signal)) {
      for (const event of events) {
        if (isFirst) this.#lookForGap(host, position, event.timeUs);
        isFirst = false;
        if (position.moveTo(host, event.timeUs)) onMove();
        const found = this.#find(event);
        if (!found && clock.monotonic() - yieldedAt < this.#limits.quietMs) continue;
        yield { record: undefined, ...found, cursor: position.cursor };
        if (signal.aborted) return;
        yieldedAt = clock.monotonic();
      }
    }
  }

  #find(event: JetstreamEvent): PostRecord | undefined {
    if (!event.created) return undefined;
    const isWanted =
      this.#wanted.carries(blueskyHashtags(event.created)) &&
      this.#wanted.speaks(blueskyLanguages(event.created));
    const post = isWanted ? postFromBluesky(event.created, event.timeUs) : undefined;
    const found = post && postRecord(post, this.#options.log);
    if (!found) this.#leftOut += 1;
    return found;
  }

  #lookForGap(host: string, position: JetstreamPosition, firstUs: number): void {
    const missing = position.missingBefore(host, firstUs);
    if (!missing) return;
    const from = Math.floor(missing.fromUs / 1000);
    const to = Math.ceil(missing.toUs / 1000);
    const why = `Jetstream at ${host} no longer has what was posted in the ${lengthOf(to - from)} after ${new Date(from).toISOString()}`;
    this.gaps.push({ from, to, why });
    this.#options.log.warn(`${why}; those posts are missing`, { host });
  }
}

function lengthOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${(ms / 1000).toFixed(1)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
