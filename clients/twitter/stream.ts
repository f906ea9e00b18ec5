// One connection to X's filtered stream, from connect to its end. Reconnecting is the caller's business: the
// package's own supervision reconnects without bound and after close (it is switched off).
import type { Readable } from 'node:stream';
import { ETwitterStreamEvent as Event, type TweetStream } from 'twitter-api-v2';
import type { Log } from '../../pipeline/log.ts';
import { deferred, withTimeout } from '../../pipeline/retry.ts';
import { connectX, network, XAttemptFailed, type XSettings, xFailure } from './connection.ts';

/** A line of the stream. Fields may be missing, and unknown ones may come: look before you use. */
export interface XPayload {
  readonly data?: unknown;
  readonly includes?: unknown;
  readonly matching_rules?: unknown;
}

export interface StreamOptions {
  /** Longest time until X answers the request for the stream. */
  readonly connectMs: number;
  /** Longest silence; X sends a keep-alive each 20 s. */
  readonly stallMs: number;
  readonly log: Log;
  /** The connection has proved itself: a post or a keep-alive came. */
  readonly onAlive: () => void;
}

/** Posts held here while Kafka is slow; above it the socket is paused, and X may then drop us. */
const QUEUE_MAX = 5_000;

const FIELDS = {
  'tweet.fields': [
    'id',
    'text',
    'author_id',
    'created_at',
    'lang',
    'entities',
    'note_tweet',
    'edit_history_tweet_ids',
    'geo',
    'withheld',
  ],
  'user.fields': ['username'],
  expansions: ['author_id'],
} as const;

/**
 * Yields the payloads of one connection. Ends by throwing XAttemptFailed, for X's stream never ends by itself;
 * returns only when `signal` aborts.
 */
export async function* readStream(
  config: XSettings,
  options: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<XPayload, void, void> {
  const connection = connectX(config);
  const stream = connection.v2.searchStream({
    autoConnect: false,
    ...structuredClone(FIELDS),
  } as never) as unknown as TweetStream<XPayload>;
  const inbox = new Inbox(stream, options);
  const opening = stream.connect({ autoReconnect: false, keepAliveTimeout: 'disable' });
  // A late answer to an attempt that was given up must not leave an open connection behind.
  opening.then(
    () => signal.aborted && stream.destroy(),
    () => undefined,
  );
  try {
    await opened(opening, config, options, signal);
    yield* inbox.drain(signal);
  } finally {
    inbox.close();
    stream.destroy();
    connection.close();
  }
}

async function opened(
  opening: Promise<unknown>,
  config: XSettings,
  options: StreamOptions,
  signal: AbortSignal,
): Promise<void> {
  const doing = `open the filtered stream of ${config.apiUrl}`;
  const late = () =>
    new XAttemptFailed(network(`cannot ${doing}: no answer in ${options.connectMs / 1000} s`));
  try {
    await withTimeout(opening, options.connectMs, late, signal);
  } catch (error) {
    if (signal.aborted || error instanceof XAttemptFailed) throw error;
    throw new XAttemptFailed(xFailure(error, doing));
  }
}

/** Collects what the connection brings until it is taken, and why the connection ended. */
class Inbox {
  readonly #options: StreamOptions;
  #waiting: XPayload[] = [];
  #ended: Error | undefined;
  #news = deferred<void>();
  #response: Readable | undefined;
  #stall: NodeJS.Timeout | undefined;

  constructor(stream: TweetStream<XPayload>, options: StreamOptions) {
    this.#options = options;
    // Emitted before the package listens for data: the one moment to repair its decoding.
    stream.on(Event.Connected, () => this.#attach(stream));
    stream.on(Event.Data, (payload) => this.#push(payload));
    stream.on(Event.DataKeepAlive, () => options.onAlive());
    stream.on(Event.DataError, (payload: unknown) => this.#notice(payload));
    stream.on(Event.TweetParseError, () => options.log.warn('X sent a line that is not JSON'));
    stream.on(Event.ConnectionError, (error) =>
      this.#end(`the stream of X broke: ${error.message}`),
    );
    stream.on(Event.ConnectionClosed, () => this.#end('X closed the stream'));
  }

  /** Yields until the connection has ended and nothing is left, then throws why it ended. */
  async *drain(signal: AbortSignal): AsyncGenerator<XPayload, void, void> {
    const wake = () => this.#news.resolve();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (;;) {
        if (signal.aborted) return;
        const taken = this.#waiting;
        this.#waiting = [];
        yield* taken;
        if (taken.length > 0) continue;
        if (this.#ended) throw this.#ended;
        this.#resume();
        await this.#news.promise;
        this.#news = deferred<void>();
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  close(): void {
    clearTimeout(this.#stall);
    this.#response = undefined;
  }

  #attach(stream: TweetStream<XPayload>): void {
    const response = (stream as unknown as { res: Readable }).res;
    // Without this a character that is cut by a chunk border becomes U+FFFD.
    response.setEncoding('utf8');
    response.on('data', () => this.#stall?.refresh());
    this.#response = response;
    this.#watch();
  }

  #watch(): void {
    clearTimeout(this.#stall);
    const { stallMs } = this.#options;
    const silent = () => this.#end(`the stream of X was silent for ${stallMs / 1000} s`);
    this.#stall = setTimeout(silent, stallMs);
  }

  #push(payload: XPayload): void {
    this.#waiting.push(payload);
    this.#options.onAlive();
    this.#news.resolve();
    if (this.#waiting.length >= QUEUE_MAX && this.#response?.isPaused() === false) {
      this.#response.pause();
      // Our own slowness is no silence of X.
      clearTimeout(this.#stall);
    }
  }

  #resume(): void {
    if (!this.#response?.isPaused()) return;
    this.#watch();
    this.#response.resume();
  }

  /** A line with `errors` and no post: either the notice that X is about to hang up, or a message to read. */
  #notice(payload: unknown): void {
    const errors = (payload as { errors?: readonly Record<string, unknown>[] }).errors ?? [];
    const said = errors.map((error) => `${error['title']}: ${error['detail'] ?? ''}`).join('; ');
    const isGoodbye = errors.some(
      (error) =>
        error['disconnect_type'] ||
        error['connection_issue'] ||
        error['title'] === 'operational-disconnect',
    );
    if (isGoodbye) this.#end(`X ended the stream (${said})`);
    else this.#options.log.warn(`X says in the stream: ${said}`);
  }

  #end(why: string): void {
    this.#ended ??= new XAttemptFailed(network(why));
    clearTimeout(this.#stall);
    this.#news.resolve();
  }
}
