// One connection to HiveServer2 with one session on it. Every call is raced with the connection's own end, a
// deadline and the caller's signal, because promises of hive-driver never settle when a connection drops.
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { auth, connections, HiveClient as Driver, thrift } from 'hive-driver';
import type { Config, TlsSettings } from '../../params/schema.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { type Deferred, deferred, withTimeout } from '../../pipeline/retry.ts';
import { connectionError, droppedError, silentError } from './errors.ts';

type Session = Awaited<ReturnType<Driver['openSession']>>;
type Authentication = NonNullable<Parameters<Driver['connect']>[2]>;
type Transport = Parameters<Authentication['authenticate']>[0];
type ConnectOptions = Parameters<Driver['connect']>[0];

const CLOSE_MS = 2000;
const PROTOCOL = thrift.TCLIService_types.TProtocolVersion.HIVE_CLI_SERVICE_PROTOCOL_V10;

// Result columns are called `id`, not `posts.id`.
const SESSION_SETTINGS = { 'set:hiveconf:hive.resultset.use.unique.column.names': 'false' };

function readPem(key: string, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new PipelineError(
      'CONFIG_INVALID',
      `hive.tls.${key} cannot be read: ${describe(error)}`,
      {
        hint: `Name a PEM file that this user may read in hive.tls.${key}.`,
      },
    );
  }
}

// The driver turns certificate checks off unless told otherwise, even when a CA is given.
function tlsOptions(tls: TlsSettings): Record<string, unknown> {
  return {
    rejectUnauthorized: true,
    ca: readPem('ca', tls.ca),
    cert: readPem('cert', tls.cert),
    key: readPem('key', tls.key),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}

// HiveServer2 without authentication (NONE) still asks for a password and takes any.
const ANY_PASSWORD = 'anonymous';

/** Hands the socket out as soon as there is one, and waits until it is connected where the driver does not. */
class WatchedAuthentication implements Authentication {
  readonly #inner: Authentication;
  readonly #onSocket: (socket: Socket) => void;
  readonly #event: string;

  constructor(inner: Authentication, onSocket: (socket: Socket) => void, tls: boolean) {
    this.#inner = inner;
    this.#onSocket = onSocket;
    this.#event = tls ? 'secureConnect' : 'connect';
  }

  async authenticate(transport: Transport): Promise<Transport> {
    const authenticated = this.#inner.authenticate(transport);
    const socket: Socket = transport.getTransport();
    this.#onSocket(socket);
    const connected = new Promise((resolve) => socket.once(this.#event, resolve));
    await Promise.all([authenticated, connected]);
    return transport;
  }
}

/** A connection serves one call at a time. Once broken it stays broken. */
export class Connection {
  readonly at: string;
  readonly #driver = new Driver(thrift.TCLIService, thrift.TCLIService_types);
  readonly #ended: Deferred<never> = deferred();
  #socket: Socket | undefined;
  #agent: HttpAgent | undefined;
  #session: Session | undefined;
  #broken = false;
  #current = 'the login';

  private constructor(config: Config['hive']) {
    this.at = `${config.host}:${config.port}`;
    // Nobody may be waiting when an idle connection ends.
    this.#ended.promise.catch(() => {});
    this.#driver.on('error', (error) => this.#end(connectionError(this.at, error)));
    this.#driver.on('close', () => this.#end(droppedError(this.at, this.#current)));
  }

  /**
   * Connects, logs in and opens a session within `connectTimeoutMs`. Certificates, keys and the password are read
   * anew each time. Throws HIVE_UNAVAILABLE, HIVE_REJECTED, HIVE_TLS, CONFIG_INVALID, or `signal.reason`.
   */
  static async open(config: Config['hive'], signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const connection = new Connection(config);
    try {
      await withTimeout(
        Promise.race([connection.#open(config), connection.#ended.promise]),
        config.connectTimeoutMs,
        () => silentError(connection.at, 'connect and login', config.connectTimeoutMs),
        signal,
      );
      return connection;
    } catch (error) {
      connection.destroy();
      throw signal.aborted ? signal.reason : connectionError(connection.at, error);
    }
  }

  /** True when a new connection is needed. */
  get broken(): boolean {
    return this.#broken;
  }

  /** The session all statements of this connection run in. */
  get session(): Session {
    if (this.#session === undefined)
      throw new PipelineError('BUG', 'no session on this connection');
    return this.#session;
  }

  /**
   * Waits for one call of the driver. After a time-out, an abort or the connection's end it is destroyed: an answer
   * that came later would belong to nobody. Errors of the driver itself are thrown as they are.
   */
  async call<T>(what: string, run: () => Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
    if (this.#broken) throw droppedError(this.at, what);
    signal.throwIfAborted();
    this.#current = what;
    const silent = () => silentError(this.at, what, ms);
    try {
      return await withTimeout(Promise.race([run(), this.#ended.promise]), ms, silent, signal);
    } catch (error) {
      if (signal.aborted || error instanceof PipelineError) this.destroy();
      throw error;
    } finally {
      this.#current = 'waiting';
    }
  }

  /** Cuts the connection. HiveServer2 then cancels what ran on it. */
  destroy(): void {
    this.#broken = true;
    this.#socket?.destroy();
    this.#agent?.destroy();
  }

  /** Says goodbye to the server, in bounded time, and ends. Never throws: there is nothing to lose any more. */
  async close(): Promise<void> {
    const session = this.#session;
    if (session !== undefined && !this.#broken) {
      const never = new AbortController().signal;
      await this.call('closing the session', () => session.close(), CLOSE_MS, never).catch(
        () => {},
      );
    }
    this.destroy();
  }

  #end(error: PipelineError): void {
    this.#broken = true;
    this.#ended.reject(error);
  }

  async #open(config: Config['hive']): Promise<void> {
    await (config.transport === 'http' ? this.#connectHttp(config) : this.#connectTcp(config));
    this.#session = await this.#driver.openSession({
      client_protocol: PROTOCOL,
      // A plain object: the Map of the driver's own types is sent empty.
      configuration: SESSION_SETTINGS as unknown as Map<string, string>,
    });
  }

  async #connectTcp(config: Config['hive']): Promise<void> {
    const tls = config.tls?.enabled === true ? { ssl: true, ...tlsOptions(config.tls) } : undefined;
    const login =
      config.auth === 'nosasl'
        ? new auth.NoSaslAuthentication()
        : new auth.PlainTcpAuthentication(credentials(config));
    const watch = (socket: Socket) => {
      this.#socket = socket;
      socket.setKeepAlive(true, 30_000);
      socket.on('error', (error) => this.#end(connectionError(this.at, error)));
      socket.on('close', () => this.#end(droppedError(this.at, this.#current)));
    };
    await this.#driver.connect(
      { host: config.host, port: config.port, ...(tls ? { options: tls } : {}) },
      new connections.TcpConnection(),
      new WatchedAuthentication(login, watch, tls !== undefined),
    );
  }

  async #connectHttp(config: Config['hive']): Promise<void> {
    const tls = config.tls?.enabled === true ? tlsOptions(config.tls) : undefined;
    this.#agent = tls ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    const options: ConnectOptions = {
      host: config.host,
      port: config.port,
      options: {
        https: tls !== undefined,
        path: `/${config.httpPath.replace(/^\/+/, '')}`,
        nodeOptions: { ...tls, agent: this.#agent },
      },
    };
    await this.#driver.connect(
      options,
      new connections.HttpConnection(),
      new auth.PlainHttpAuthentication(credentials(config)),
    );
  }
}

function credentials(config: Config['hive']): { username: string; password: string } {
  return { username: config.username, password: config.password?.reveal() ?? ANY_PASSWORD };
}
