// A stand-in for X's API v2 on loopback: rules and the filtered stream, with the faults that the real one has.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Faults } from './faults.ts';
import { type Double, LoopbackServer } from './loopback.ts';
import type { MadePost } from './posts.ts';
import { Timeline } from './timeline.ts';
import {
  type Ending,
  STREAM_FAULTS,
  type StreamFault,
  sayGoodbye,
  serveStream,
} from './x-stream.ts';

const AT_START = [
  'rate-limit',
  'unavailable',
  'black-hole',
  'refuse',
  'unauthorized',
  'forbidden',
] as const;
const ON_COMMAND = ['unauthorized', 'forbidden'] as const;
export type XFault = (typeof AT_START)[number] | StreamFault;

/** What one connection to the stream gets. When the plan is used up, connections get everything that is left. */
export type Connection =
  | {
      readonly kind: 'serve';
      readonly posts: number;
      readonly ending: Ending;
    }
  | { readonly kind: 'status'; readonly status: number; readonly resetInMs?: number }
  | { readonly kind: 'black-hole' };

export interface XApiOptions {
  readonly token: string;
  /** An array, or anything that makes them one by one. */
  readonly posts: { readonly length: number; at(index: number): MadePost | undefined };
  /** Posts a second from the first stream on; undefined: all at once. */
  readonly rate?: number | undefined;
  readonly plan?: readonly Connection[];
  /** Seed of the mix of faults; undefined: on command only. */
  readonly misbehave?: number | undefined;
  readonly postsBetween?: number;
  /** What a second stream does, X documents both: it is refused with 429 (default), or the first one is closed for it. */
  readonly second?: 'refused' | 'takes-over';
  /** Writes the stream in pieces of this many bytes, so that characters are cut. */
  readonly pieceBytes?: number;
  /** Posts sent again at the start of each further connection: X says that duplicates happen. */
  readonly repeat?: number;
  readonly keepAliveMs?: number;
  /** After how many posts of a connection a line with `errors` and no post is sent. */
  readonly errorLineAfter?: number;
}

interface Rule {
  readonly id: string;
  readonly value: string;
  readonly tag?: string;
}

const STREAM = '/2/tweets/search/stream';
/** Faults that are an answer. */
const REFUSALS = new Map<
  XFault | undefined,
  { readonly status: number; readonly resetInMs?: number }
>([
  ['rate-limit', { status: 429, resetInMs: 1000 }],
  ['unavailable', { status: 503 }],
  ['unauthorized', { status: 401 }],
  ['forbidden', { status: 403 }],
]);

export class XApiDouble implements Double {
  readonly faults: Faults<XFault>;
  readonly #options: XApiOptions;
  readonly #timeline: Timeline;
  readonly #loopback: LoopbackServer;
  readonly #plan: Connection[];
  readonly rules: Rule[] = [];
  /** Every request, as `GET /path`. */
  readonly requests: string[] = [];
  #position = 0;
  #open = new Set<ServerResponse>();
  #nextRule = 1;
  streamsOpened = 0;

  constructor(options: XApiOptions) {
    this.#options = options;
    this.#plan = [...(options.plan ?? [])];
    this.#timeline = new Timeline({ count: options.posts.length, rate: options.rate });
    const kinds = { atStart: AT_START, midway: STREAM_FAULTS, onCommand: ON_COMMAND };
    this.faults = new Faults<XFault>(kinds, options.misbehave, options.postsBetween);
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

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://x').pathname;
    this.requests.push(`${request.method} ${path}`);
    if (request.headers.authorization !== `Bearer ${this.#options.token}`) {
      return problem(response, 401, 'Unauthorized', 'Unauthorized');
    }
    if (path === `${STREAM}/rules`) return this.#answerRules(request, response);
    if (path === STREAM) return this.#answerStream(response);
    return problem(response, 404, 'Not Found', 'Not Found');
  }

  async #answerRules(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const meta = { sent: new Date().toISOString() };
    if (request.method === 'GET') {
      const data = this.rules.length > 0 ? { data: this.rules } : {};
      return json(response, 200, { ...data, meta: { ...meta, result_count: this.rules.length } });
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (body.delete) {
      const kept = this.rules.filter((rule) => !body.delete.ids.includes(rule.id));
      const deleted = this.rules.length - kept.length;
      this.rules.splice(0, this.rules.length, ...kept);
      return json(response, 200, { meta: { ...meta, summary: { deleted, not_deleted: 0 } } });
    }
    const added = body.add.map((rule: { value: string; tag?: string }) => ({
      ...rule,
      id: String(1_700_000_000_000_000_000n + BigInt(this.#nextRule++)),
    }));
    this.rules.push(...added);
    const summary = { created: added.length, not_created: 0, valid: added.length, invalid: 0 };
    return json(response, 201, { data: added, meta: { ...meta, summary } });
  }

  async #answerStream(response: ServerResponse): Promise<void> {
    if (this.rules.length === 0) {
      const detail = 'You must define rules before connecting to the stream.';
      return problem(response, 409, 'RuleConfigurationIssue', detail);
    }
    if (this.#open.size > 0 && this.#options.second !== 'takes-over') {
      const detail = 'This stream is currently at the maximum allowed connection limit.';
      return problem(response, 429, 'ConnectionException', detail, {
        connection_issue: 'TooManyConnections',
      });
    }
    for (const first of this.#open) await sayGoodbye(first, 'ConnectionException');
    const turn = this.#plan.shift();
    const fault = turn ? undefined : this.faults.atStart();
    if (turn?.kind === 'black-hole' || fault === 'black-hole') return;
    if (fault === 'refuse') return void response.destroy();
    const refusal = turn?.kind === 'status' ? turn : REFUSALS.get(fault);
    if (refusal) return refuse(response, refusal.status, refusal.resetInMs);
    this.#open.add(response);
    this.streamsOpened += 1;
    response.on('close', () => this.#open.delete(response));
    await this.#serve(response, turn?.kind === 'serve' ? turn : undefined);
  }

  async #serve(
    response: ServerResponse,
    turn: { readonly posts: number; readonly ending: Ending } | undefined,
  ): Promise<void> {
    const { posts, repeat = 0, errorLineAfter, keepAliveMs = 1000, pieceBytes } = this.#options;
    this.#timeline.begin();
    await serveStream(response, {
      from: this.streamsOpened > 1 ? Math.max(0, this.#position - repeat) : this.#position,
      to: this.#position + (turn?.posts ?? Number.POSITIVE_INFINITY),
      ending: turn?.ending ?? 'hold',
      post: (index) => posts.at(index),
      out: () => this.#timeline.out,
      rules: this.rules.map(({ id, tag }) => ({ id, tag })),
      pieceBytes,
      keepAliveMs,
      errorLineAfter,
      midway: () => this.faults.midway() as StreamFault | undefined,
      onSent: (next) => {
        this.#position = Math.max(this.#position, next);
      },
    });
  }
}

function refuse(response: ServerResponse, status: number, resetInMs: number | undefined): void {
  if (resetInMs !== undefined) {
    response.setHeader('x-rate-limit-limit', '50');
    response.setHeader('x-rate-limit-remaining', '0');
    response.setHeader('x-rate-limit-reset', String(Math.ceil((Date.now() + resetInMs) / 1000)));
  }
  problem(response, status, 'Trouble', 'made by the double');
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function problem(
  response: ServerResponse,
  status: number,
  title: string,
  detail: string,
  more: Record<string, unknown> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ title, detail, status, type: 'about:blank', ...more }));
}
