// A stand-in for X's API v2 on loopback: rules and the filtered stream, with the faults that the real one has.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { MadePost } from './posts.ts';

/** How a connection ends after its posts; `hold` keeps it alive. */
type Ending = 'close' | 'goodbye' | 'stall' | 'cut' | 'hold';

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
  readonly posts: readonly MadePost[];
  readonly plan?: readonly Connection[];
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

export class XApiDouble {
  readonly #options: XApiOptions;
  readonly #server: Server;
  readonly #plan: Connection[];
  readonly #sockets = new Set<Socket>();
  readonly rules: Rule[] = [];
  /** Every request, as `GET /path`. */
  readonly requests: string[] = [];
  #position = 0;
  #streams = 0;
  #nextRule = 1;
  streamsOpened = 0;

  constructor(options: XApiOptions) {
    this.#options = options;
    this.#plan = [...(options.plan ?? [])];
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
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
    if (this.#streams > 0) {
      const detail = 'This stream is currently at the maximum allowed connection limit.';
      return problem(response, 429, 'ConnectionException', detail, {
        connection_issue: 'TooManyConnections',
      });
    }
    const turn = this.#plan.shift();
    if (turn?.kind === 'black-hole') return;
    if (turn?.kind === 'status') {
      const reset = Math.ceil((Date.now() + (turn.resetInMs ?? 0)) / 1000);
      if (turn.resetInMs !== undefined) {
        response.setHeader('x-rate-limit-limit', '50');
        response.setHeader('x-rate-limit-remaining', '0');
        response.setHeader('x-rate-limit-reset', String(reset));
      }
      return problem(response, turn.status, 'Trouble', 'made by the double');
    }
    this.#streams += 1;
    this.streamsOpened += 1;
    response.on('close', () => {
      this.#streams -= 1;
    });
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    await this.#serve(response, turn?.posts ?? Number.POSITIVE_INFINITY, turn?.ending ?? 'hold');
  }

  async #serve(response: ServerResponse, count: number, ending: Ending): Promise<void> {
    const { posts, repeat = 0, errorLineAfter, keepAliveMs = 1000 } = this.#options;
    const from = this.streamsOpened > 1 ? Math.max(0, this.#position - repeat) : this.#position;
    const to = Math.min(posts.length, this.#position + count);
    const matching = this.rules.map(({ id, tag }) => ({ id, tag }));
    await this.#write(response, '\r\n');
    let block = '';
    for (let at = from; at < to && !response.destroyed; at += 1) {
      block += `${JSON.stringify({ ...posts[at]?.payload, matching_rules: matching })}\r\n`;
      if (at - from + 1 === errorLineAfter) block += errorLine('Some Error', 'a message to read');
      if (block.length < 30_000 && at + 1 < to) continue;
      await this.#write(response, block);
      block = '';
      this.#position = Math.max(this.#position, at + 1);
    }
    if (ending === 'goodbye') {
      const more = { disconnect_type: 'UpstreamOperationalDisconnect' };
      await this.#write(response, errorLine('operational-disconnect', 'reconnect please', more));
    }
    if (ending === 'cut') return void response.destroy();
    if (ending === 'close' || ending === 'goodbye') return void response.end();
    if (ending === 'stall') return;
    const beat = setInterval(() => response.write('\r\n'), keepAliveMs);
    response.on('close', () => clearInterval(beat));
  }

  async #write(response: ServerResponse, text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const step = this.#options.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length && !response.destroyed; at += step) {
      const isFree = response.write(bytes.subarray(at, at + step));
      // Let the piece out alone: joined again by the socket, no character would be cut.
      if (step < bytes.length) await new Promise((resolve) => setImmediate(resolve));
      if (!isFree) await drained(response);
    }
  }
}

/** Resolves when the response takes more, or is closed. */
async function drained(response: ServerResponse): Promise<void> {
  const closed = new AbortController();
  const onClose = () => closed.abort();
  response.once('close', onClose);
  await once(response, 'drain', { signal: closed.signal }).catch(() => undefined);
  response.off('close', onClose);
}

function errorLine(title: string, detail: string, more: Record<string, unknown> = {}): string {
  const type = 'https://api.twitter.com/2/problems/operational-disconnect';
  return `${JSON.stringify({ errors: [{ title, detail, type, ...more }] })}\r\n`;
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
