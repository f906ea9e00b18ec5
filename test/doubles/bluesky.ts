// A stand-in for a Jetstream server of Bluesky: every post, resumable by time, with the faults the real ones have.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { type WebSocket, WebSocketServer } from 'ws';
import { Faults, type Mix } from './faults.ts';
import { otherEvent, postEvent, postId } from './jetstream-event.ts';
import { type Double, LoopbackServer } from './loopback.ts';
import type { Timeline } from './timeline.ts';

const AT_START = [
  'rate-limit',
  'unavailable',
  'black-hole',
  'refuse',
  'unauthorized',
  'forbidden',
  'clamp',
] as const;
const ON_COMMAND = ['unauthorized', 'forbidden', 'clamp'] as const;
const STRIKES = [
  'drop',
  'goodbye',
  'stall',
  'duplicates',
  'out-of-order',
  'split',
  'garbage',
] as const;
export type JetstreamFault = (typeof AT_START)[number] | (typeof STRIKES)[number];

export interface JetstreamOptions {
  /** Several servers may share one. */
  readonly timeline: Timeline;
  /** Seed of the mix; undefined: faults on command only. */
  readonly misbehave?: number | undefined;
  /** Posts between two faults of the mix, on average. */
  readonly postsBetween?: number;
  readonly mix?: Mix<JetstreamFault>;
  /** How long events are kept, in milliseconds; older cursors are moved up without a word. */
  readonly keepMs?: number;
  /** How far the clock of this server is ahead. */
  readonly skewMs?: number;
  readonly pingMs?: number;
}

/** Faults that are an answer. */
const REFUSALS = new Map<JetstreamFault | undefined, string>([
  ['rate-limit', '429 Too Many Requests\r\nRetry-After: 1'],
  ['unavailable', '503 Service Unavailable'],
  ['unauthorized', '401 Unauthorized'],
  ['forbidden', '403 Forbidden'],
]);
const HOUR = 3_600_000;
/** How long an answer to a ping may take. */
const PONG_MS = 5000;
const BUFFER_MAX = 1_000_000;
/** Posts a clamped connection does not get. */
const CLAMPED = 25;
const REPEATED = 50;
const SPLIT_FRAMES = 40;

export class JetstreamDouble implements Double {
  readonly faults: Faults<JetstreamFault>;
  readonly #options: JetstreamOptions;
  readonly #timeline: Timeline;
  readonly #loopback: LoopbackServer;
  readonly #webSockets = new WebSocketServer({ noServer: true });
  /** Every subscription, as `/path?query`. */
  readonly requests: string[] = [];
  /** Posts sent so far, over all connections. */
  sent = 0;
  /** Answers to its pings, from all connections. */
  pongs = 0;

  constructor(options: JetstreamOptions) {
    this.#options = options;
    this.#timeline = options.timeline;
    const kinds = { atStart: AT_START, midway: STRIKES, onCommand: ON_COMMAND };
    const { misbehave, postsBetween, mix } = options;
    this.faults = new Faults<JetstreamFault>(kinds, misbehave, postsBetween, mix);
    this.#loopback = new LoopbackServer((_, response) => response.writeHead(404).end());
    this.#loopback.server.on('upgrade', (request, socket, head) =>
      this.#upgrade(request, socket, head),
    );
  }

  get faultNames(): readonly string[] {
    return this.faults.names;
  }

  get openConnections(): number {
    return this.#loopback.openConnections;
  }

  misbehave(fault: string): void {
    this.faults.order(fault);
  }

  async listen(port?: number): Promise<string> {
    return `ws://${await this.#loopback.listen(port)}`;
  }

  close(): Promise<void> {
    return this.#loopback.close();
  }

  /** The id a reader must find for post `index`. */
  idOf(index: number): string {
    return postId(index, this.#timeline.text(index).author);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const url = new URL(request.url ?? '/', 'ws://double');
    this.requests.push(`${url.pathname}${url.search}`);
    const cursor = url.searchParams.get('cursor');
    const isAskedWrongly = cursor !== null && !/^\d+$/.test(cursor);
    const fault = url.pathname === '/subscribe' ? this.faults.atStart() : undefined;
    const refusal = REFUSALS.get(fault) ?? (isAskedWrongly ? '400 Bad Request' : undefined);
    if (url.pathname !== '/subscribe') refuse(socket, '404 Not Found');
    else if (fault === 'refuse') socket.destroy();
    else if (refusal !== undefined) refuse(socket, refusal);
    else if (fault === 'black-hole') leave(socket);
    else {
      const start = this.#startOf(cursor) + (fault === 'clamp' ? CLAMPED : 0);
      this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', () => undefined);
        this.#serve(webSocket, start).catch(() => webSocket.terminate());
      });
    }
  }

  /** The post a subscription begins with. The cursor is inclusive; one in the future means from now on. */
  #startOf(cursor: string | null): number {
    const { keepMs = 36 * HOUR } = this.#options;
    const isFirst = this.#timeline.out === 0;
    this.#timeline.begin();
    if (cursor === null) return isFirst ? 0 : this.#timeline.out;
    const oldestUs = (Date.now() - keepMs) * 1000;
    const askedUs = Number(cursor) - this.#skewUs;
    return Math.min(this.#timeline.out, this.#timeline.indexAt(Math.max(oldestUs, askedUs)));
  }

  get #skewUs(): number {
    return (this.#options.skewMs ?? 0) * 1000;
  }

  async #serve(webSocket: WebSocket, start: number): Promise<void> {
    const beat = this.#watch(webSocket);
    let splitFrames = 0;
    for (let index = start; webSocket.readyState === webSocket.OPEN; ) {
      if (index >= this.#timeline.out) {
        await delay(5);
        continue;
      }
      const fault = this.faults.midway();
      if (fault === 'drop') webSocket.terminate();
      if (fault === 'goodbye') webSocket.close(1012, 'service restart');
      if (fault === 'stall') await closed(webSocket);
      if (fault === 'garbage') {
        webSocket.send('{"did":"did:plc:cut off');
        webSocket.send('{"did":"did:plc:from","time_us":1970,"kind":"identity"}');
      }
      if (fault === 'split') splitFrames = SPLIT_FRAMES;
      const swaps = fault === 'out-of-order' && index + 1 < this.#timeline.out;
      const repeats = fault === 'duplicates' ? Math.min(index, REPEATED) : 0;
      const indexes = swaps ? [index + 1, index] : range(index - repeats, index + 1);
      for (const one of indexes) this.#send(webSocket, one, splitFrames > 0);
      splitFrames -= indexes.length;
      index = Math.max(...indexes) + 1;
      if (index % 100 === 0) await drained(webSocket);
    }
    clearInterval(beat);
  }

  #send(webSocket: WebSocket, index: number, isSplit: boolean): void {
    if (webSocket.readyState !== webSocket.OPEN) return;
    this.sent += 1;
    const made = this.#timeline.text(index);
    const timeUs = this.#timeline.timeUs(index) + this.#skewUs;
    const other = otherEvent(index, timeUs, made);
    if (other !== undefined) webSocket.send(other);
    const bytes = Buffer.from(postEvent(index, timeUs, made));
    const step = isSplit ? Math.ceil(bytes.length / 7) : bytes.length;
    for (let at = 0; at < bytes.length; at += step) {
      const fin = at + step >= bytes.length;
      webSocket.send(bytes.subarray(at, at + step), { binary: false, fin });
    }
  }

  /** Pings, and hangs up on who does not answer. */
  #watch(webSocket: WebSocket): NodeJS.Timeout {
    let heardAt = performance.now();
    webSocket.on('pong', () => {
      heardAt = performance.now();
      this.pongs += 1;
    });
    const everyMs = this.#options.pingMs ?? 10_000;
    return setInterval(() => {
      if (performance.now() - heardAt < everyMs + PONG_MS) webSocket.ping();
      else webSocket.terminate();
    }, everyMs);
  }
}

/** Only a socket that is read sees that the other side has gone. */
function leave(socket: Duplex): void {
  socket.on('end', () => socket.end()).resume();
}

/** `answer`: the status, and headers behind it. */
function refuse(socket: Duplex, answer: string): void {
  leave(socket);
  socket.end(`HTTP/1.1 ${answer}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** Resolves when the connection is gone. */
async function closed(webSocket: WebSocket): Promise<void> {
  while (webSocket.readyState === webSocket.OPEN) await delay(20);
}

/** Resolves when the reader has taken what was sent, or is gone. */
async function drained(webSocket: WebSocket): Promise<void> {
  await delay(0);
  while (webSocket.bufferedAmount > BUFFER_MAX && webSocket.readyState === webSocket.OPEN) {
    await delay(5);
  }
}
