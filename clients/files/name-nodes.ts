// The NameNodes of one HDFS: keeps connections to them, asks the active one, and finds it again after a failover.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { TlsSettings } from '../../params/schema.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { type Answer, type Exchange, ExchangeFailure, exchange } from './http-exchange.ts';
import { failureError, remoteException } from './webhdfs-errors.ts';

export interface WebHdfsSettings {
  /** `http(s)://host:port` of each NameNode. */
  readonly nameNodes: readonly string[];
  /** User name sent with each request. */
  readonly user: string;
  /** Longest silence of a server before a request fails, in milliseconds. */
  readonly requestTimeoutMs: number;
  readonly tls?: TlsSettings | undefined;
  /** Copies of each block of a file that is created; undefined: what the NameNode says. */
  readonly replication?: number | undefined;
}

/** Kept connections are closed before the NameNode closes them (60 s by default), to meet few stale ones. */
const IDLE_MS_MAX = 20_000;
const CONNECTIONS_MAX = 16;

function pem(setting: 'ca' | 'cert' | 'key', tls: TlsSettings): Buffer | undefined {
  const path = tls[setting];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw new PipelineError(
      'CONFIG_UNREADABLE',
      `cannot read hdfs.tls.${setting} ${path}: ${describe(error)}`,
      {
        hint: `Correct hdfs.tls.${setting} in config.json or the rights of the file.`,
        cause: error,
      },
    );
  }
}

/** `/a b/c` as it stands in a URL: each part percent-encoded, `+` and `%` too. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

export class NameNodes {
  /** Requests sent so far, by WebHDFS operation. */
  readonly requests: Record<string, number> = {};
  readonly #settings: WebHdfsSettings;
  readonly #urls: readonly URL[];
  readonly #plain = new http.Agent({
    keepAlive: true,
    timeout: IDLE_MS_MAX,
    maxSockets: CONNECTIONS_MAX,
  });
  readonly #secure = new https.Agent({
    keepAlive: true,
    timeout: IDLE_MS_MAX,
    maxSockets: CONNECTIONS_MAX,
  });
  #active = 0;

  constructor(settings: WebHdfsSettings) {
    this.#settings = settings;
    this.#urls = settings.nameNodes.map((url) => new URL(url));
    void this.tls;
  }

  /** Certificates, read anew each time, so that they can be replaced while the program runs. */
  get tls(): Exchange['tls'] {
    const { tls } = this.#settings;
    if (!tls?.enabled) return undefined;
    return {
      ca: pem('ca', tls),
      cert: pem('cert', tls),
      key: pem('key', tls),
      ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    };
  }

  count(op: string): void {
    this.requests[op] = (this.requests[op] ?? 0) + 1;
  }

  /**
   * Asks the NameNode that answered last, then each other one, while they refuse the connection or say that they are
   * on standby. Silence ends the search (it took its time already); the next call begins with the next NameNode.
   */
  async ask(
    what: string,
    method: Exchange['method'],
    op: string,
    path: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ host: string; answer: Answer }> {
    for (let tried = 1; ; tried += 1) {
      const base = this.#urls[this.#active] as URL;
      const last = tried >= this.#urls.length;
      try {
        const answer = await this.#send(base, method, op, path, parameters, signal);
        if (remoteException(answer)?.exception !== 'StandbyException')
          return { host: base.host, answer };
        this.#next();
        if (last) return { host: base.host, answer };
      } catch (error) {
        if (!(error instanceof ExchangeFailure)) throw error;
        this.#next();
        if (last || !error.neverSent) throw failureError(what, 'NameNode', error);
      }
    }
  }

  /** Throws HDFS_REJECTED when a NameNode reached by https points to plain http. */
  refuseDowngrade(what: string, to: URL): void {
    if (to.protocol === 'https:' || this.#urls.every((url) => url.protocol === 'http:')) return;
    throw new PipelineError(
      'HDFS_REJECTED',
      `${what}: the NameNode is reached by https but points to DataNode ${to.host} by plain http`,
      { hint: 'Set dfs.http.policy to HTTPS_ONLY on the cluster.' },
    );
  }

  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #next(): void {
    this.#active = (this.#active + 1) % this.#urls.length;
  }

  async #send(
    base: URL,
    method: Exchange['method'],
    op: string,
    path: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const url = new URL(`${base.pathname.replace(/\/$/, '')}/webhdfs/v1${encodePath(path)}`, base);
    for (const [name, value] of Object.entries({
      op,
      'user.name': this.#settings.user,
      ...parameters,
    })) {
      url.searchParams.set(name, value);
    }
    const secure = url.protocol === 'https:';
    const ask = {
      method,
      url,
      tls: secure ? this.tls : undefined,
      silenceMsMax: this.#settings.requestTimeoutMs,
      signal,
    };
    this.count(op);
    try {
      return await exchange({ ...ask, agent: secure ? this.#secure : this.#plain });
    } catch (error) {
      if (!(error instanceof ExchangeFailure && error.stale)) throw error;
      return exchange(ask);
    }
  }
}
