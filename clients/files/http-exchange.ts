// One HTTP request over node:http. Global fetch cannot talk to a DataNode, which sends a `100 Continue` nobody asked
// for. Time-outs count silence, not length: a large file may take as long as bytes are moving.
import { setMaxListeners } from 'node:events';
import { createReadStream } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { type FileBody, READ_BYTES_MAX } from './file-system.ts';

export interface Exchange {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly url: URL;
  /** Undefined: no body. `bytes` is the length that is declared and must come true. */
  readonly body?: { readonly source: FileBody; readonly bytes: number } | undefined;
  /** Undefined: a connection of its own, closed afterwards. */
  readonly agent?: http.Agent | undefined;
  readonly tls?: (SecureContextOptions & { readonly servername?: string | undefined }) | undefined;
  /** Milliseconds without a byte in either direction, connecting included, after which the request fails. */
  readonly silenceMsMax: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The connection failed or broke. `message` names neither path nor query: they may hold secrets. */
export class ExchangeFailure extends Error {
  override readonly name = 'ExchangeFailure';
  /** Errno of the system, or SILENCE. */
  readonly errno: string;
  /** `host:port` that was asked. */
  readonly host: string;
  /** The request ended on a kept connection that the server had closed meanwhile: send it again. */
  readonly stale: boolean;

  constructor(host: string, errno: string, why: string, stale = false) {
    super(`${host}: ${why}`);
    this.host = host;
    this.errno = errno;
    this.stale = stale;
  }

  /** No connection was made, so nothing was asked. */
  get neverSent(): boolean {
    return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
      this.errno,
    );
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection broke off',
  EPIPE: 'connection broke off',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name not found',
  EHOSTUNREACH: 'host not reachable',
  ENETUNREACH: 'network not reachable',
  ETIMEDOUT: 'no connection',
  EFBIG: `the answer is larger than the ${READ_BYTES_MAX} bytes read at once`,
};

function collect(response: http.IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= READ_BYTES_MAX) chunks.push(chunk);
      else response.destroy(Object.assign(new Error('answer too large'), { code: 'EFBIG' }));
    });
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('error', reject);
  });
}

function send(request: http.ClientRequest, body: Exchange['body']): void {
  const source = body?.source ?? [];
  if ('file' in source) {
    pipeline(createReadStream(source.file), request, (error) => {
      if (error) request.destroy(error);
    });
    return;
  }
  for (const piece of Buffer.isBuffer(source) ? [source] : source) request.write(piece);
  request.end();
}

/** Sends one request and reads the whole answer, whatever its status. Throws ExchangeFailure or `signal.reason`. */
export async function exchange(ask: Exchange): Promise<Answer> {
  ask.signal.throwIfAborted();
  // Each request listens to it while it runs, and many of one job run at a time: no leak to warn of.
  setMaxListeners(0, ask.signal);
  const secure = ask.url.protocol === 'https:';
  const request = (secure ? https : http).request(ask.url, {
    method: ask.method,
    agent: ask.agent ?? false,
    timeout: ask.silenceMsMax,
    signal: ask.signal,
    headers: ask.method === 'GET' ? {} : { 'content-length': ask.body?.bytes ?? 0 },
    ...(secure ? { ...ask.tls, rejectUnauthorized: true } : {}),
  });
  let silent = false;
  try {
    const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
      request.on('timeout', () => {
        silent = true;
        request.destroy(new Error('silence'));
      });
    });
    send(request, ask.body);
    const response = await answered;
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: await collect(response),
    };
  } catch (error) {
    if (ask.signal.aborted) throw ask.signal.reason;
    const { code = 'BROKEN', message } = error as NodeJS.ErrnoException;
    if (silent) {
      throw new ExchangeFailure(ask.url.host, 'SILENCE', `no answer within ${ask.silenceMsMax} ms`);
    }
    const stale = request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
    throw new ExchangeFailure(ask.url.host, code, WORDS[code] ?? message, stale);
  } finally {
    // An answer can come before the body was sent to its end; nothing of the request must live on.
    if (!request.writableFinished) request.destroy();
  }
}
