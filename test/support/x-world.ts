// A double of X and sources that read it, on a clock that is faster than time: 10 minutes pass in some seconds.
import { Secret } from '../../params/secret.ts';
import { silentLog } from '../../pipeline/log.ts';
import { XSource, type XSourceOptions } from '../../producer/sources/twitter.ts';
import { Timeline, type TimelineOptions } from '../doubles/timeline.ts';
import { XApiDouble, type XApiOptions } from '../doubles/x-api.ts';
import { FastClock } from './fast-clock.ts';

export const X_TOKEN = 'canary-token-of-the-test';
export const X_WISHES: XSourceOptions['wishes'] = {
  fields: ['author_id', 'created_at', 'lang', 'entities', 'note_tweet'],
  expansions: ['author_id'],
  backfillMinutes: 0,
  replaceRules: false,
  postPrice: 0.005,
  userPrice: 0.01,
};

export type XSourceWishes = Omit<Partial<XSourceOptions>, 'wishes'> & {
  readonly wishes?: Partial<XSourceOptions['wishes']>;
};

/** The clock starts with the first reader, but every post has its time and so its id from the beginning. */
class HeldTimeline extends Timeline {
  readonly #clock: FastClock;

  constructor(posts: TimelineOptions, clock: FastClock) {
    super({ ...posts, now: () => clock.now() });
    this.#clock = clock;
    super.begin(1);
  }

  override begin(): void {
    this.#clock.start();
  }
}

export interface XWorld {
  readonly double: XApiDouble;
  readonly clock: FastClock;
  readonly url: string;
  /** A source on the world's clock. */
  readonly source: (options?: XSourceWishes) => XSource;
  readonly ids: (count: number) => string[];
  readonly dispose: () => Promise<void>;
}

/** `rate` of the posts is per second of the clock, which is `factor` times as fast as time. */
export async function xWorld(
  posts: Omit<TimelineOptions, 'now'>,
  options: Omit<Partial<XApiOptions>, 'timeline'> = {},
  factor = 100,
  startMs = Date.now(),
): Promise<XWorld> {
  const clock = new FastClock(factor, startMs);
  const timeline = new HeldTimeline(posts, clock);
  const double = new XApiDouble({ token: X_TOKEN, timeline, keepAliveMs: 100, ...options });
  const url = await double.listen();
  return {
    ...{ double, clock, url },
    source: (options = {}) =>
      new XSource({
        config: { apiUrl: url, bearerToken: new Secret(X_TOKEN) },
        ...{ postsPerDay: undefined, hashtags: ['#Kafka'], languages: [] },
        ...{
          retryMs: 60 * 60_000,
          log: silentLog,
          clock,
          limits: { answerMs: 2000, stallMs: 2000 },
        },
        ...options,
        wishes: { ...X_WISHES, ...options.wishes },
      }),
    ids: (count) => Array.from({ length: count }, (_, index) => double.post(index).id),
    dispose: () => double.close(),
  };
}
