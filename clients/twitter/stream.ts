// One connection to X's filtered stream, from connect to its end. Reconnecting is the caller's business: the
// package's own supervision reconnects without bound and after close (it is switched off).
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { ETwitterStreamEvent as Event, type TweetStream } from 'twitter-api-v2';
import type { Log } from '../../pipeline/log.ts';
import { deferred, withTimeout } from '../../pipeline/retry.ts';
import {
  attemptFailed,
  connectX,
  network,
  tooLate,
  type XAccess,
  XAttemptFailed,
  type XConnection,
} from './connection.ts';

/** A line of the stream. Fields may be missing, and unknown ones may come: look before you use. */
export interface XPayload {
  readonly data?: unknown;
  readonly includes?: unknown;
  readonly matching_rules?: unknown;
}

export interface StreamOptions {
  /** Longest silence in milliseconds; X sends a keep-alive each 20 s. */
  readonly stallMs: number;
  /** Query parameters: fields and expansions. */
  readonly fields: Readonly<Record<string, string>>;
  /** Minutes X is asked to send again, up to 5; 0: none, as most plans have it. */
  readonly backfillMinutes: number;
  readonly log: Log;
  /** The connection has proved itself: a post or a keep-alive came. */
  readonly onAlive: () => void;
  /** A post was read; false: it was the last one that may be read. */
  readonly onPost: () => boolean;
}

/** A line with a post, or the time of X (milliseconds since 1970) when a keep-alive came and no post was waiting. */
export type XEvent = XPayload | number;

/** Posts held here while nobody takes them; above it the socket is paused, and X may then drop us. */
const QUEUE_MAX = 20_000;

export class XStream {
  readonly #connection: XConnection;
  readonly #stream: TweetStream<XPayload>;
  readonly #inbox: Inbox;

  /** Resolves when X has answered; from then on posts are collected. Throws XAttemptFailed. */
  static async open(
    access: XAccess,
    options: StreamOptions,
    signal: AbortSignal,
  ): Promise<XStream> {
    const stream = new XStream(access, options);
    try {
      await stream.#connect(access, signal);
      return stream;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  private constructor({ config, answers }: XAccess, options: StreamOptions) {
    const { fields, backfillMinutes } = options;
    const backfill = backfillMinutes > 0 ? { backfill_minutes: backfillMinutes } : {};
    this.#connection = connectX(config);
    this.#stream = this.#connection.v2.searchStream({
      autoConnect: false,
      ...fields,
      ...backfill,
    } as never) as unknown as TweetStream<XPayload>;
    this.#inbox = new Inbox(this.#stream, options, () => answers.now());
  }

  /**
   * Yields what came, in order. Returns when `signal` aborts or `onPost` said that it is enough;
   * else it throws XAttemptFailed at last, for X's stream never ends by itself.
   */
  events(signal: AbortSignal): AsyncGenerator<XEvent, void, void> {
    return this.#inbox.drain(signal);
  }

  close(): void {
    this.#inbox.close();
    this.#stream.destroy();
    this.#connection.close();
  }

  async #connect({ config, answerMs, answers }: XAccess, signal: AbortSignal): Promise<void> {
    const doing = `open the filtered stream of ${config.apiUrl}`;
    const limit = 'stream connections';
    const opening = this.#stream.connect({ autoReconnect: false, keepAliveTimeout: 'disable' });
    let isLate = false;
    // A late answer to an attempt that was given up must not leave an open connection behind.
    opening.then(
      () => isLate && this.#stream.destroy(),
      () => undefined,
    );
    try {
      await withTimeout(opening, answerMs, () => tooLate(doing, answerMs), signal);
      const { originalResponse } = this.#stream as unknown as { originalResponse: IncomingMessage };
      answers.heard(limit, originalResponse.headers);
    } catch (error) {
      isLate = true;
      throw signal.aborted ? error : attemptFailed(error, doing, limit, answers);
    }
  }
}

/** Collects what the connection brings until it is taken, and why the connection ended. */
class Inbox {
  readonly #options: StreamOptions;
  readonly #now: () => number;
  #waiting: XEvent[] = [];
  #ended: Error | 'enough' | undefined;
  #news = deferred<void>();
  #response: Readable | undefined;
  #stall: NodeJS.Timeout | undefined;
  /** What comes then may be old: a keep-alive proves nothing any more. */
  #wasPaused = false;

  /** `now`: the time of X. */
  constructor(stream: TweetStream<XPayload>, options: StreamOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
    // Emitted before the package listens for data: the one moment to repair its decoding.
    stream.on(Event.Connected, () => this.#attach(stream));
    stream.on(Event.Data, (payload) => this.#push(payload));
    stream.on(Event.DataKeepAlive, () => this.#quiet());
    stream.on(Event.DataError, (payload: unknown) => this.#notice(payload));
    // It may have been a post: a new connection looks for it.
    stream.on(Event.TweetParseError, () => this.#end('X sent a line that is not JSON'));
    stream.on(Event.ConnectionError, (error) =>
      this.#end(`the stream of X broke: ${error.message}`),
    );
    stream.on(Event.ConnectionClosed, () => this.#end('X closed the stream'));
  }

  /** Yields until the connection has ended and nothing is left, then throws why it ended; returns when it was enough. */
  async *drain(signal: AbortSignal): AsyncGenerator<XEvent, void, void> {
    const wake = () => this.#news.resolve();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (;;) {
        if (signal.aborted) return;
        const taken = this.#waiting;
        this.#waiting = [];
        yield* taken;
        if (taken.length > 0) continue;
        if (this.#ended === 'enough') return;
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
    if (this.#ended) return;
    this.#options.onAlive();
    this.#waiting.push(payload);
    this.#news.resolve();
    if (!this.#options.onPost()) {
      this.#ended = 'enough';
      clearTimeout(this.#stall);
      // Whatever else came would be billed.
      this.#response?.destroy();
    } else if (this.#waiting.length >= QUEUE_MAX && this.#response?.isPaused() === false) {
      this.#response.pause();
      this.#wasPaused = true;
      // Our own slowness is no silence of X.
      clearTimeout(this.#stall);
    }
  }

  #quiet(): void {
    this.#options.onAlive();
    if (this.#ended || this.#wasPaused || this.#waiting.length > 0) return;
    this.#waiting.push(this.#now());
    this.#news.resolve();
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
