// A stand-in for X's API v2 on loopback: rules, the filtered stream and recent search, with the faults of the real one.
// Posts that come out while no stream is open are in search only.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Faults, type Mix } from './faults.ts';
import { type Double, LoopbackServer } from './loopback.ts';
import { type MadePost, makePost } from './posts.ts';
import type { Timeline } from './timeline.ts';
import { problem, RateWindow, type XRefusal } from './x-answers.ts';
import { Rules } from './x-rules.ts';
import { answerSearch } from './x-search.ts';
import {
  type Ending,
  STREAM_FAULTS,
  type StreamFault,
  sayGoodbye,
  serveStream,
} from './x-stream.ts';

const AT_START = ['rate-limit', 'unavailable', 'black-hole', 'refuse'] as const;
/** From then on, for every request. */
const FOR_GOOD = new Map([
  ['unauthorized', 401],
  ['no-credits', 402],
  ['forbidden', 403],
]);
/** From then on a second stream ends the first one. */
const TAKES_OVER = 'takes-over';
export type XFault = (typeof AT_START)[number] | StreamFault;

/** What one connection to the stream gets. When the plan is used up, connections get everything that is left. */
export type Connection =
  | { readonly kind: 'serve'; readonly posts: number; readonly ending: Ending }
  | { readonly kind: 'status'; readonly status: number; readonly resetInMs?: number }
  | { readonly kind: 'black-hole' };

export interface XApiOptions {
  readonly token: string;
  /** Its time is the time of X. */
  readonly timeline: Timeline;
  readonly plan?: readonly Connection[];
  /** Seed of the mix of faults; undefined: on command only. */
  readonly misbehave?: number | undefined;
  readonly postsBetween?: number;
  readonly mix?: Mix<XFault>;
  /** What a second stream does, X documents both: it is refused with 429 (default), or the first one is closed for it. */
  readonly second?: 'refused' | 'takes-over';
  /** What the plan of the app lacks; backfill, if it is not said that there is one. */
  readonly lacks?: readonly ('stream' | 'search')[];
  readonly hasBackfill?: boolean;
  readonly rulesMax?: number;
  /** Searches in 15 minutes. */
  readonly searchesMax?: number;
  /** Writes the stream in pieces of this many bytes, so that characters are cut. */
  readonly pieceBytes?: number;
  /** Posts sent again at the start of each further connection: X says that duplicates happen. */
  readonly repeat?: number;
  readonly keepAliveMs?: number;
  /** After how many posts of a connection a line with `errors` and no post is sent. */
  readonly errorLineAfter?: number;
}

const STREAM = '/2/tweets/search/stream';
const SEARCH = '/2/tweets/search/recent';

export class XApiDouble implements Double {
  readonly faults: Faults<XFault>;
  readonly #options: XApiOptions;
  readonly #timeline: Timeline;
  readonly #loopback: LoopbackServer;
  readonly #plan: Connection[];
  readonly #rules: Rules;
  readonly #searches: RateWindow;
  readonly #connections: RateWindow;
  /** Every request, as `GET /path?query`. */
  readonly requests: string[] = [];
  #open = new Set<ServerResponse>();
  #refusesAll: number | undefined;
  #takesOver: boolean;
  streamsOpened = 0;

  constructor(options: XApiOptions) {
    this.#options = options;
    this.#plan = [...(options.plan ?? [])];
    this.#takesOver = options.second === 'takes-over';
    this.#timeline = options.timeline;
    this.#rules = new Rules(options.rulesMax ?? 1000);
    this.#searches = new RateWindow(options.searchesMax ?? 450, this.#timeline.now);
    this.#connections = new RateWindow(50, this.#timeline.now);
    const kinds = { atStart: AT_START, midway: STREAM_FAULTS, onCommand: [] };
    const { misbehave, postsBetween, mix } = options;
    this.faults = new Faults<XFault>(kinds, misbehave, postsBetween, mix);
    this.#loopback = new LoopbackServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  get faultNames(): readonly string[] {
    return [...this.faults.names, TAKES_OVER, ...FOR_GOOD.keys()];
  }

  get rules() {
    return this.#rules.list;
  }

  get openConnections(): number {
    return this.#loopback.openConnections;
  }

  misbehave(fault: string): void {
    const status = FOR_GOOD.get(fault);
    if (status !== undefined) this.#refusesAll = status;
    else if (fault === TAKES_OVER) this.#takesOver = true;
    else this.faults.order(fault);
  }

  async listen(port?: number): Promise<string> {
    return `http://${await this.#loopback.listen(port)}`;
  }

  close(): Promise<void> {
    return this.#loopback.close();
  }

  /** Post `index`; it exists once the first reader has come. */
  post(index: number): MadePost {
    const atMs = Math.floor(this.#timeline.timeUs(index) / 1000);
    return makePost(index, this.#timeline.hashtag, 1, atMs);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, search, searchParams } = new URL(request.url ?? '/', 'http://x');
    this.requests.push(`${request.method} ${path}${search}`);
    this.#tellTime(response);
    if (request.headers.authorization !== `Bearer ${this.#options.token}`) {
      return problem(response, { status: 401, title: 'Unauthorized', detail: 'Unauthorized' });
    }
    if (this.#refusesAll !== undefined) return problem(response, { status: this.#refusesAll });
    if (path === SEARCH) return this.#answerSearch(response, searchParams);
    if (!path.startsWith(STREAM)) return problem(response, { status: 404, title: 'Not Found' });
    if (this.#options.lacks?.includes('stream')) return forbidden(response);
    if (path === STREAM) return this.#answerStream(response, searchParams);
    return this.#rules.answer(request, response, this.#timeline.now());
  }

  async #answerSearch(response: ServerResponse, asked: URLSearchParams): Promise<void> {
    if (this.#options.lacks?.includes('search')) return forbidden(response);
    const timeline = this.#timeline;
    timeline.begin();
    if (!this.#searches.take(response)) return problem(response, { status: 429 });
    if (this.#refused(response, this.faults.atStart())) return;
    answerSearch(response, asked, { timeline, post: (index) => this.post(index) });
  }

  async #answerStream(response: ServerResponse, asked: URLSearchParams): Promise<void> {
    if (this.rules.length === 0) {
      const detail = 'You must define rules before connecting to the stream.';
      return problem(response, { status: 409, title: 'RuleConfigurationIssue', detail });
    }
    const backfill = Number(asked.get('backfill_minutes') ?? 0);
    if (backfill > 0 && !this.#options.hasBackfill) {
      return problem(response, { status: 400, detail: 'backfill_minutes is not in your plan' });
    }
    if (!this.#connections.take(response)) return problem(response, { status: 429 });
    if (this.#open.size > 0 && !this.#takesOver) {
      const detail = 'This stream is currently at the maximum allowed connection limit.';
      const more = { connection_issue: 'TooManyConnections' };
      return problem(response, { status: 429, title: 'ConnectionException', detail }, more);
    }
    for (const first of this.#open) await sayGoodbye(first, 'ConnectionException');
    const turn = this.#plan.shift();
    if (turn?.kind === 'status') return this.#refuse(response, turn);
    if (turn?.kind === 'black-hole') return;
    if (!turn && this.#refused(response, this.faults.atStart())) return;
    this.#open.add(response);
    this.streamsOpened += 1;
    response.on('close', () => this.#open.delete(response));
    await this.#serve(response, backfill, turn);
  }

  async #serve(
    response: ServerResponse,
    backfillMinutes: number,
    turn: { readonly posts: number; readonly ending: Ending } | undefined,
  ): Promise<void> {
    const { repeat = 0, errorLineAfter, keepAliveMs = 1000, pieceBytes } = this.#options;
    // None was out for the first reader.
    const now = this.#timeline.out;
    this.#timeline.begin();
    // Told after it was looked: the stream has everything from the time that it tells on.
    this.#tellTime(response);
    const again = this.#timeline.indexAt((this.#timeline.now() - backfillMinutes * 60_000) * 1000);
    const isFirst = this.streamsOpened === 1;
    const from = Math.max(0, backfillMinutes > 0 ? again : now - (isFirst ? 0 : repeat));
    await serveStream(response, {
      from,
      to: from + (turn?.posts ?? Number.POSITIVE_INFINITY),
      ending: turn?.ending ?? 'hold',
      post: (index) => (index < this.#timeline.count ? this.post(index) : undefined),
      out: () => this.#timeline.out,
      rules: this.rules.map(({ id, tag }) => ({ id, tag })),
      pieceBytes,
      keepAliveMs,
      errorLineAfter,
      midway: () => this.faults.midway() as StreamFault | undefined,
    });
  }

  /** Does what a fault at the start of an answer is. False: there is none. */
  #refused(response: ServerResponse, fault: XFault | undefined): boolean {
    if (fault === 'refuse') response.destroy();
    if (fault === 'rate-limit') this.#refuse(response, { status: 429, resetInMs: 1000 });
    if (fault === 'unavailable') this.#refuse(response, { status: 503 });
    return fault !== undefined;
  }

  #tellTime(response: ServerResponse): void {
    response.setHeader('date', new Date(this.#timeline.now()).toUTCString());
  }

  #refuse(response: ServerResponse, refusal: XRefusal): void {
    if (refusal.resetInMs !== undefined) {
      this.#connections.tell(response, 0, this.#timeline.now() + refusal.resetInMs);
    }
    problem(response, refusal);
  }
}

function forbidden(response: ServerResponse): void {
  const detail = 'Your plan does not include this.';
  problem(response, { status: 403, title: 'Client Forbidden', detail });
}
