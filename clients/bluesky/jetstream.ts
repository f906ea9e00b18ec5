// One connection to a Jetstream server, from connect to its end. Reconnecting is the caller's business.
import { WebSocket } from 'ws';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { deferred } from '../../pipeline/retry.ts';
import { refusal } from '../http/refusal.ts';

const POST_COLLECTION = 'app.bsky.feed.post';

export interface JetstreamEvent {
  /** When this server saw the event: microseconds since 1970. Servers differ. */
  readonly timeUs: number;
  /** Undefined: an event that creates no post. */
  readonly created:
    | {
        /** The author. */
        readonly did: string;
        readonly rkey: string;
        /** As the author's app made it: any field may be missing or of another type. */
        readonly record: Readonly<Record<string, unknown>>;
      }
    | undefined;
}

export interface JetstreamOptions {
  /** Longest time until the server has accepted the connection, in milliseconds. */
  readonly connectMs: number;
  /** Longest silence: the public servers send dozens of events a second. */
  readonly stallMs: number;
  readonly clock: Clock;
  /** A frame came that is no event. */
  readonly onMalformed: () => void;
}

/** Frames held here while Kafka is slow; above it the socket is paused, and the server may then drop us. */
const QUEUE_MAX = 2_000;
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Whether it is microseconds since 1970. Smaller numbers are places in the log of one server, which others do not know. */
export function isTimeUs(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1e15;
}

/** The address to subscribe at; `cursorUs` (microseconds since 1970, inclusive) undefined: from now on. */
function addressOf(host: string, cursorUs: number | undefined): URL {
  const url = new URL(`${host.replace(/\/+$/, '')}/subscribe`);
  url.searchParams.set('wantedCollections', POST_COLLECTION);
  if (cursorUs !== undefined) url.searchParams.set('cursor', String(cursorUs));
  return url;
}

/**
 * Yields the events of one connection to `host` (`wss://...`), as many at a time as have come. Ends by throwing
 * SOURCE_UNAVAILABLE, for the stream never ends by itself, or SOURCE_REJECTED; returns only when `signal` aborts.
 */
export async function* readJetstream(
  host: string,
  cursorUs: number | undefined,
  options: JetstreamOptions,
  signal: AbortSignal,
): AsyncGenerator<JetstreamEvent[], void, void> {
  if (signal.aborted) return;
  const socket = new WebSocket(addressOf(host, cursorUs), {
    handshakeTimeout: options.connectMs,
    maxPayload: FRAME_BYTES_MAX,
    perMessageDeflate: false,
    headers: { 'user-agent': 'kafka-hive' },
  });
  const inbox = new Inbox(socket, host, options);
  try {
    yield* inbox.drain(signal);
  } finally {
    inbox.close();
  }
}

/** Collects what the connection brings until it is taken, and why the connection ended. */
class Inbox {
  readonly #socket: WebSocket;
  readonly #host: string;
  readonly #options: JetstreamOptions;
  #waiting: JetstreamEvent[] = [];
  #ended: PipelineError | undefined;
  #news = deferred<void>();
  #stall: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, host: string, options: JetstreamOptions) {
    this.#socket = socket;
    this.#host = host;
    this.#options = options;
    socket.on('open', () => this.#watch());
    socket.on('message', (data, isBinary) => this.#push(isBinary ? '' : String(data)));
    socket.on('unexpected-response', (_, { statusCode = 0, headers }) =>
      this.#refused(statusCode, (name) => headers[name]?.toString()),
    );
    socket.on('error', (error) => this.#end(`cannot read Jetstream at ${host}: ${error.message}`));
    socket.on('close', (code, reason) => {
      const said = `${code}${reason.length > 0 ? ` ${reason}` : ''}`;
      this.#end(`Jetstream at ${host} closed the connection (${said})`);
    });
  }

  /** Yields until the connection has ended and nothing is left, then throws why it ended. */
  async *drain(signal: AbortSignal): AsyncGenerator<JetstreamEvent[], void, void> {
    const wake = () => this.#news.resolve();
    signal.addEventListener('abort', wake, { once: true });
    try {
      for (;;) {
        if (signal.aborted) return;
        const taken = this.#waiting;
        this.#waiting = [];
        if (taken.length > 0) {
          yield taken;
          continue;
        }
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
    this.#socket.terminate();
  }

  #push(frame: string): void {
    const event = parsed(frame);
    if (event) this.#take(event);
    else this.#options.onMalformed();
  }

  #take(event: JetstreamEvent): void {
    this.#stall?.refresh();
    this.#waiting.push(event);
    this.#news.resolve();
    if (this.#waiting.length < QUEUE_MAX || this.#socket.isPaused) return;
    this.#socket.pause();
    // Our own slowness is no silence of the server.
    clearTimeout(this.#stall);
  }

  #resume(): void {
    if (!this.#socket.isPaused) return;
    this.#watch();
    this.#socket.resume();
  }

  #watch(): void {
    clearTimeout(this.#stall);
    const { stallMs } = this.#options;
    const why = `Jetstream at ${this.#host} was silent for ${stallMs / 1000} s`;
    this.#stall = setTimeout(() => this.#end(why), stallMs);
  }

  #refused(status: number, header: (name: string) => string | undefined): void {
    const error = refusal({
      doing: `subscribe to Jetstream at ${this.#host}`,
      status,
      header,
      nowMs: this.#options.clock.now(),
      hint: 'Check bluesky.hosts in config.json: addresses of Jetstream servers, without a path.',
    });
    this.#endWith(error);
    this.#socket.terminate();
  }

  #end(why: string): void {
    const hint = 'Check the network and bluesky.hosts in config.json.';
    this.#endWith(new PipelineError('SOURCE_UNAVAILABLE', why, { hint }));
  }

  #endWith(error: PipelineError): void {
    this.#ended ??= error;
    clearTimeout(this.#stall);
    this.#news.resolve();
  }
}

type Json = Readonly<Record<string, unknown>>;

/** Undefined: no event. Events of other kinds and other collections count as events, for they move the time on. */
function parsed(frame: string): JetstreamEvent | undefined {
  const event = objectOf(frame);
  const timeUs = event?.['time_us'];
  if (!event || !isTimeUs(timeUs)) return undefined;
  const { did, kind, commit } = event as { did?: unknown; kind?: unknown; commit?: Json | null };
  const isCreation = kind === 'commit' && commit?.['operation'] === 'create';
  if (!isCreation || commit['collection'] !== POST_COLLECTION)
    return { timeUs, created: undefined };
  const { rkey, record } = commit as { rkey?: unknown; record?: Json | null };
  if (typeof did !== 'string' || typeof rkey !== 'string') return undefined;
  if (typeof record !== 'object' || record === null) return undefined;
  return { timeUs, created: { did, rkey, record } };
}

function objectOf(frame: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(frame);
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
