// A stand-in for a Mastodon server: the timeline of one hashtag and its live stream, with the faults the real ones have.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Faults, type Mix } from './faults.ts';
import { type Double, LoopbackServer } from './loopback.ts';
import { shownText, status, statusUri, timeAfter } from './mastodon-status.ts';
import type { Timeline } from './timeline.ts';

const AT_START = [
  'rate-limit',
  'unavailable',
  'black-hole',
  'refuse',
  'empty-page',
  'unauthorized',
  'forbidden',
  'unprocessable',
] as const;
const ON_COMMAND = ['empty-page', 'unauthorized', 'forbidden', 'unprocessable'] as const;
const STRIKES = [
  'drop',
  'goodbye',
  'stall',
  'duplicates',
  'out-of-order',
  'split',
  'garbage',
] as const;
export type MastodonFault = (typeof AT_START)[number] | (typeof STRIKES)[number];

export interface MastodonOptions {
  /** Several servers may share one: they show the same posts under ids of their own. */
  readonly timeline: Timeline;
  /** Needed for the stream; also for the timeline when the server is closed. */
  readonly token: string;
  /** Visitors are refused. */
  readonly isClosed?: boolean;
  /** Seed of the mix; undefined: faults on command only. */
  readonly misbehave?: number | undefined;
  /** Posts of a stream between two faults of the mix, on average. */
  readonly postsBetween?: number;
  readonly mix?: Mix<MastodonFault>;
  /** Requests for pages within `windowMs`; more are refused with 429. */
  readonly requestsMax?: number;
  readonly windowMs?: number;
  /** Every 50th post arrives this much later, under an id of its own time: it comes from another server. */
  readonly lateMs?: number;
  readonly heartbeatMs?: number;
  /** Streams are redirected to this base address, as large servers do. */
  readonly streamsAt?: string;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const REPEATED = 20;
const SPLIT_POSTS = 40;
const SPLIT_BYTES = 61;

export class MastodonDouble implements Double {
  readonly faults: Faults<MastodonFault>;
  readonly #options: MastodonOptions;
  readonly #timeline: Timeline;
  readonly #loopback: LoopbackServer;
  /** Every request, as `/path?query`. */
  readonly requests: string[] = [];
  #windowEndsMs = 0;
  #requestsLeft = 0;

  constructor(options: MastodonOptions) {
    this.#options = options;
    this.#timeline = options.timeline;
    const kinds = { atStart: AT_START, midway: STRIKES, onCommand: ON_COMMAND };
    const { misbehave, postsBetween, mix } = options;
    this.faults = new Faults<MastodonFault>(kinds, misbehave, postsBetween, mix);
    this.#loopback = new LoopbackServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
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
    return `http://${await this.#loopback.listen(port)}`;
  }

  close(): Promise<void> {
    return this.#loopback.close();
  }

  /** The id a reader must find for post `index`, and its text. */
  idOf(index: number): string {
    return statusUri(index);
  }

  textOf(index: number): string {
    return shownText(this.#timeline.text(index).text);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double');
    this.requests.push(`${url.pathname}${url.search}`);
    const { authorization } = request.headers;
    const isMember = authorization === `Bearer ${this.#options.token}`;
    const isStream = url.pathname === '/api/v1/streaming/hashtag';
    const tag = isStream ? url.searchParams.get('tag') : tagIn(url.pathname);
    if (tag === null) return error(response, 404, 'Record not found');
    if (authorization !== undefined && !isMember) {
      return error(response, 401, 'The access token is invalid');
    }
    if (!isMember && (isStream || this.#options.isClosed)) {
      return error(response, isStream ? 401 : 422, 'This method requires an authenticated user');
    }
    const isTimeline = tag.toLowerCase() === this.#timeline.hashtag;
    if (this.#isRefused(response, isStream)) return;
    const { streamsAt } = this.#options;
    if (!isStream) this.#page(response, url.searchParams, isTimeline);
    else if (streamsAt) response.writeHead(301, { location: `${streamsAt}${request.url}` }).end();
    else await this.#stream(response, isTimeline);
  }

  #isRefused(response: ServerResponse, isStream: boolean): boolean {
    const fault = this.faults.atStart(AT_START.filter((one) => !isStream || one !== 'empty-page'));
    if (fault === 'rate-limit') this.#tooMany(response, Date.now() + 300);
    else if (fault === 'unavailable') error(response, 503, 'down for maintenance');
    else if (fault === 'unauthorized') error(response, 401, 'The access token was revoked');
    else if (fault === 'forbidden') error(response, 403, 'This action is outside the scopes');
    else if (fault === 'unprocessable') error(response, 422, 'requires an authenticated user');
    else if (fault === 'refuse') response.destroy();
    else if (fault === 'empty-page') response.writeHead(200, JSON_TYPE).end('[]');
    else return fault === 'black-hole' || (!isStream && this.#isOverLimit(response));
    return true;
  }

  #isOverLimit(response: ServerResponse): boolean {
    const { requestsMax = 300, windowMs = 300_000 } = this.#options;
    if (Date.now() >= this.#windowEndsMs) {
      this.#windowEndsMs = Date.now() + windowMs;
      this.#requestsLeft = requestsMax;
    }
    this.#requestsLeft -= 1;
    if (this.#requestsLeft < 0) {
      this.#tooMany(response, this.#windowEndsMs);
      return true;
    }
    response.setHeader('x-ratelimit-limit', String(requestsMax));
    response.setHeader('x-ratelimit-remaining', String(this.#requestsLeft));
    response.setHeader('x-ratelimit-reset', new Date(this.#windowEndsMs).toISOString());
    return false;
  }

  #tooMany(response: ServerResponse, resetMs: number): void {
    response.setHeader('x-ratelimit-remaining', '0');
    response.setHeader('x-ratelimit-reset', new Date(resetMs).toISOString());
    error(response, 429, 'Too many requests');
  }

  /** `min_id`: the page just behind it; without: the newest. Newest first in both. */
  #page(response: ServerResponse, query: URLSearchParams, isTimeline: boolean): void {
    const limit = Math.min(40, Number(query.get('limit') ?? 20));
    const minId = query.get('min_id');
    const found: number[] = [];
    if (isTimeline && minId === null) {
      for (let index = this.#timeline.out - 1; index >= 0 && found.length < limit; index -= 1) {
        if (this.#hasArrived(index)) found.push(index);
      }
    } else if (isTimeline) {
      let index = this.#timeline.indexAt(timeAfter(minId ?? '0'));
      for (; index < this.#timeline.out && found.length < limit; index += 1) {
        if (this.#hasArrived(index)) found.unshift(index);
      }
    }
    this.#timeline.begin();
    response
      .writeHead(200, JSON_TYPE)
      .end(JSON.stringify(found.map((index) => this.#status(index))));
  }

  #isLate(index: number): boolean {
    return this.#options.lateMs !== undefined && index % 50 === 49;
  }

  #hasArrived(index: number): boolean {
    const { lateMs = 0 } = this.#options;
    return !this.#isLate(index) || this.#timeline.timeUs(index) / 1000 + lateMs <= Date.now();
  }

  #status(index: number): object {
    const made = this.#timeline.text(index);
    return status(index, this.#timeline.timeUs(index), made, 'double.example');
  }

  async #stream(response: ServerResponse, isTimeline: boolean): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(':)\n');
    const beat = setInterval(() => response.write(':thump\n'), this.#options.heartbeatMs ?? 15_000);
    response.on('close', () => clearInterval(beat));
    const first = this.#timeline.out;
    this.#timeline.begin();
    const { lateMs = 0 } = this.#options;
    const oldest = this.#timeline.indexAt((Date.now() - lateMs) * 1000);
    const late = range(Math.min(oldest, first), first).filter((one) => !this.#hasArrived(one));
    let splitPosts = 0;
    for (let index = first; !response.destroyed && !response.writableEnded; ) {
      const arrived = late.filter((one) => this.#hasArrived(one));
      for (const one of arrived)
        await this.#update(response, late.splice(late.indexOf(one), 1), false);
      if (!isTimeline || index >= this.#timeline.out) {
        await delay(5);
        continue;
      }
      const fault = this.faults.midway();
      if (fault === 'drop') response.destroy();
      if (fault === 'goodbye') response.end();
      if (fault === 'stall') return clearInterval(beat);
      if (fault === 'garbage') response.write('event: update\ndata: {"id":"cut off\n\n');
      if (fault === 'split') splitPosts = SPLIT_POSTS;
      const swaps = fault === 'out-of-order' && index + 1 < this.#timeline.out;
      const repeats = fault === 'duplicates' ? Math.min(index, REPEATED) : 0;
      const indexes = swaps ? [index + 1, index] : range(index - repeats, index + 1);
      late.push(...indexes.filter((one) => !this.#hasArrived(one)));
      const due = indexes.filter((one) => this.#hasArrived(one));
      await this.#update(response, due, splitPosts > 0);
      splitPosts -= indexes.length;
      index = Math.max(...indexes) + 1;
    }
  }

  async #update(
    response: ServerResponse,
    indexes: readonly number[],
    isSplit: boolean,
  ): Promise<void> {
    const events = indexes.map((index) => {
      const data = JSON.stringify(this.#status(index));
      const other = index % 9 === 4 ? `event: delete\ndata: ${index}\n\n` : '';
      const edit = index % 13 === 4 ? `event: status.update\ndata: ${data}\n\n` : '';
      return `${other}event: update\ndata: ${data}\n\n${edit}`;
    });
    const bytes = Buffer.from(events.join(''));
    const step = isSplit ? SPLIT_BYTES : bytes.length;
    for (
      let at = 0;
      at < bytes.length && !response.destroyed && !response.writableEnded;
      at += step
    ) {
      const isFree = response.write(bytes.subarray(at, at + step));
      // Let the piece out alone: joined again by the socket, no character would be cut.
      if (isSplit) await new Promise((resolve) => setImmediate(resolve));
      while (!isFree && response.writableNeedDrain && !response.destroyed) await delay(5);
    }
  }
}

function tagIn(path: string): string | null {
  const [, tag] = /^\/api\/v1\/timelines\/tag\/([^/]+)$/.exec(path) ?? [];
  return tag === undefined ? null : decodeURIComponent(tag);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

function error(response: ServerResponse, code: number, words: string): void {
  response.writeHead(code, JSON_TYPE).end(JSON.stringify({ error: words }));
}
