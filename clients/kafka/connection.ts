// The one way to reach Kafka: TLS with checks on, secrets read anew at each connection, kafkajs' log lines in ours,
// and a start-up probe that ends in time with one clear error.
import { readFileSync } from 'node:fs';
import { connect as connectPlain, isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import type { Config } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import { isRetriable, withTimeout } from '../../pipeline/retry.ts';
import { registerCodecs } from './codecs.ts';
import { kafkaError } from './errors.ts';

export type KafkaSettings = Config['kafka'];

/**
 * Pauses of kafkajs between its own attempts: a broker's death is survived in 8 s instead of 20 s. Give it to
 * `kafka.consumer({ retry })` as well, whose default of 5 retries would win over the client's.
 */
export const KAFKA_RETRY = { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 } as const;

interface Connections {
  readonly sockets: Set<Socket>;
  /** No socket connects any more. */
  isClosed: boolean;
}

/** Of each client, so that those that no longer answer can be ended. */
const connectionsOf = new WeakMap<Kafka, Connections>();

/**
 * A kafkajs client. Certificates are always checked; certificate files and the password are read at each new
 * connection, so that they may be rotated. Opens no connection. Throws CONFIG_UNREADABLE for an unreadable PEM file.
 */
export function connectKafka(
  config: KafkaSettings,
  log: Log,
  retry: NonNullable<KafkaConfig['retry']> = KAFKA_RETRY,
): Kafka {
  registerCodecs();
  const ssl = tlsOptions(config.tls);
  const sasl = saslOptions(config.sasl);
  const connections: Connections = { sockets: new Set(), isClosed: false };
  const { brokers, addressOf } = bracketless(config.brokers);
  const kafka = new Kafka({
    brokers,
    clientId: config.clientId,
    ...(ssl ? { ssl } : {}),
    ...(sasl ? { sasl } : {}),
    connectionTimeout: config.connectTimeoutMs,
    requestTimeout: config.requestTimeoutMs,
    retry,
    logLevel: logLevel.DEBUG,
    logCreator: () => logLine(log, connections),
    socketFactory: ({ host: name, port, ssl: tls, onConnect }) => {
      if (connections.isClosed) return new Socket().destroy(new Error('the client was closed'));
      const host = addressOf(name);
      const servername = isIP(host) ? {} : { servername: host };
      const socket = tls
        ? connectTls({ host, port, ...servername, ...tls }, onConnect)
        : connectPlain({ host, port }, onConnect);
      socket.setKeepAlive(true, 60_000);
      // kafkajs also writes while it connects, each time with a listener; more than ten would be called a leak.
      socket.setMaxListeners(0);
      connections.sockets.add(socket);
      socket.once('close', () => connections.sockets.delete(socket));
      return socket;
    },
  });
  connectionsOf.set(kafka, connections);
  return kafka;
}

/**
 * Ends every connection of `kafka` at once. A polite disconnect waits for answers that a hung broker never
 * gives, and its sockets would keep the process alive.
 */
function cutConnections(kafka: Kafka): void {
  // With an error, kafkajs hears of it and lets go of the requests whose timers keep the process alive, too.
  const reason = new Error('the connection was given up');
  for (const socket of connectionsOf.get(kafka)?.sockets ?? []) socket.destroy(reason);
}

/** For clients whose every failure is thrown: kafkajs also logs it, and calls a missing topic an error. */
export function quiet(log: Log): Log {
  return { ...log, warn: log.debug, error: log.debug };
}

/**
 * Closes politely, and after `withinMs` by force. Never throws: there is nothing left to lose. kafkajs does not notice that it
 * was closed while it connects or joins, and goes on: no connection of `kafka` opens any more.
 */
export async function disconnectKafka(
  kafka: Kafka,
  clients: readonly { disconnect(): Promise<void> }[],
  withinMs = 3000,
): Promise<void> {
  const polite = Promise.allSettled(clients.map((client) => client.disconnect()));
  const late = () =>
    new PipelineError('KAFKA_UNAVAILABLE', 'the connections did not close in time');
  await withTimeout(polite, withinMs, late).catch(() => undefined);
  const connections = connectionsOf.get(kafka);
  if (connections) connections.isClosed = true;
  cutConnections(kafka);
}

/**
 * Resolves when a broker answers, knows us, and the cluster behind it can be reached; with the settings that name
 * this broker first, so that the next connection does not begin at a dead one. Repeats what may be a start
 * in progress until `startMs` have passed, then throws the last error; what cannot get better (credentials,
 * certificates) is thrown at once.
 */
export async function awaitKafka(
  config: KafkaSettings,
  log: Log,
  signal: AbortSignal,
  startMs: number,
): Promise<KafkaSettings> {
  const deadline = systemClock.monotonic() + startMs;
  for (let attempt = 0; ; attempt += 1) {
    signal.throwIfAborted();
    const leftMs = deadline - systemClock.monotonic();
    try {
      const settings = startingAt(config, attempt);
      await probe(settings, log, signal, leftMs, startMs);
      return settings;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const pauseMs = 250 * Math.min(attempt + 1, 4);
      const late = systemClock.monotonic() + pauseMs + 100 > deadline;
      if (late || !isRetriable(error)) throw error;
      if (attempt === 0) log.warn(`${describe(error)}; trying for ${startMs / 1000} s`);
      await systemClock.sleep(pauseMs, signal);
    }
  }
}

/** One attempt: connect, log in, and ask for the cluster (a wrong protocol shows only at the first request). */
async function probe(
  config: KafkaSettings,
  log: Log,
  signal: AbortSignal,
  leftMs: number,
  startMs: number,
): Promise<void> {
  const kafka = connectKafka(config, quiet(log), { ...KAFKA_RETRY, retries: 0 });
  const admin = kafka.admin();
  const brokers = config.brokers.join(', ');
  const doing = `connect to Kafka at ${brokers}`;
  // One broker that accepts and never answers must not use up the time of the others.
  const shareMs = Math.max(leftMs / Math.min(config.brokers.length, 3), Math.min(leftMs, 2000));
  const silent = () =>
    new PipelineError(
      'KAFKA_UNAVAILABLE',
      `cannot ${doing}: the connection opens but no answer comes (waited ${Math.round(startMs / 1000)} s)`,
      {
        hint: 'Check that the port is a Kafka listener and that no firewall swallows the answers.',
      },
    );
  try {
    const ask = admin.connect().then(() => admin.describeCluster());
    await withTimeout(ask, shareMs, silent, signal);
    await disconnectKafka(kafka, [admin], 1000);
  } catch (error) {
    cutConnections(kafka);
    admin.disconnect().catch(() => undefined);
    if (signal.aborted) throw signal.reason;
    throw kafkaError(error, doing, { brokers });
  }
}

/** kafkajs cuts an address at its first colon, so an IPv6 one travels under a name without any. */
function bracketless(addresses: readonly string[]) {
  const hosts = new Map<string, string>();
  const brokers = addresses.map((address) => {
    const host = /^\[(.*)\]/.exec(address)?.[1];
    if (host === undefined) return address;
    const name = `ipv6-${host.replaceAll(':', '-')}`;
    hosts.set(name, host);
    return address.replace(`[${host}]`, name);
  });
  return { brokers, addressOf: (name: string) => hosts.get(name) ?? name };
}

/** The same settings with broker `number` first, counted round: kafkajs begins at the head of the list. */
export function startingAt(config: KafkaSettings, number: number): KafkaSettings {
  const at = number % config.brokers.length;
  return { ...config, brokers: [...config.brokers.slice(at), ...config.brokers.slice(0, at)] };
}

function tlsOptions(tls: KafkaSettings['tls']): KafkaConfig['ssl'] {
  if (!tls?.enabled) return undefined;
  const { ca, cert, key, serverName } = tls;
  // Read once here, so that a wrong path is told before anything is tried.
  for (const [setting, path] of Object.entries({ ca, cert, key })) {
    if (path !== undefined) pem(path, setting);
  }
  return {
    rejectUnauthorized: true,
    ...(serverName === undefined ? {} : { servername: serverName }),
    get ca() {
      return ca === undefined ? undefined : pem(ca, 'ca');
    },
    get cert() {
      return cert === undefined ? undefined : pem(cert, 'cert');
    },
    get key() {
      return key === undefined ? undefined : pem(key, 'key');
    },
  };
}

function pem(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new PipelineError(
      'CONFIG_UNREADABLE',
      `cannot read kafka.tls.${setting} ${path}: ${describe(error)}`,
      {
        hint: `Correct kafka.tls.${setting} in config.json or the rights of the file.`,
        cause: error,
      },
    );
  }
}

function saslOptions(sasl: KafkaSettings['sasl']): SASLOptions | undefined {
  if (!sasl) return undefined;
  const { mechanism, username, password } = sasl;
  return {
    mechanism,
    username,
    get password() {
      return password.reveal();
    },
  } as SASLOptions;
}

/** How often the same warning of kafkajs is shown: it repeats them at each attempt, for each broker in turn. */
const WARNING_MS = 60_000;
const WARNINGS_MAX = 100;

/** kafkajs' lines: its errors are our warnings (what matters is thrown, too), the rest is for --log-level debug. */
function logLine(log: Log, connections: Connections) {
  const warned = new Map<string, number>();
  return (entry: {
    namespace: string;
    level: logLevel;
    log: { message: string; broker?: string };
  }) => {
    const { message, broker } = entry.log;
    const text = `kafkajs: ${message}`;
    const fields = { part: entry.namespace, broker };
    const now = systemClock.monotonic();
    const isNew = now - (warned.get(message) ?? Number.NEGATIVE_INFINITY) > WARNING_MS;
    const isTelling = entry.level === logLevel.ERROR && isNew && !connections.isClosed;
    if (!isTelling) return log.debug(text, fields);
    if (warned.size >= WARNINGS_MAX) warned.clear();
    warned.set(message, now);
    log.warn(text, fields);
  };
}
