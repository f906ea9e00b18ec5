// The client against servers that misbehave: it always gives an answer, in time, and never leaves the process hanging.
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { HiveClient } from '../../../../clients/hive/session.ts';
import { type Config, configSchema } from '../../../../params/schema.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { Stopping } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';

type Hive = Config['hive'];

const servers: { close(): void; closeAllConnections?(): void }[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections?.();
    server.close();
  }
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function settings(hive: Record<string, unknown>): Hive {
  return configSchema.parse({ hive: { connectTimeoutMs: 300, ...hive } }).hive;
}

function open(hive: Record<string, unknown>, signal = new AbortController().signal) {
  return HiveClient.open(settings(hive), { log: silentLog, clock: systemClock }, signal);
}

/** Accepts and reads for ever; `sockets` are the connections that are still open. */
async function blackHole(): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  return { port: await listen(server), sockets };
}

const WAYS = [
  { auth: 'nosasl' },
  { auth: 'none' },
  { auth: 'password', password: 'canary-secret' },
  { auth: 'password', password: 'canary-secret', transport: 'http' },
] as const;

for (const way of WAYS) {
  const name = `${way.auth}${'transport' in way ? ' over http' : ''}`;

  test(`a server that accepts and never answers is given up in time (${name})`, async () => {
    const { port, sockets } = await blackHole();
    const began = performance.now();
    await assert.rejects(open({ port, ...way }), {
      code: 'HIVE_UNAVAILABLE',
      message: new RegExp(`127\\.0\\.0\\.1:${port} .*300 ms`),
    });
    assert.ok(performance.now() - began < 2000);
    await new Promise((resolve) => setImmediate(resolve));
    for (const socket of sockets) await new Promise((resolve) => socket.once('close', resolve));
  });

  test(`a port where nothing listens is HIVE_UNAVAILABLE and says so (${name})`, async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(open({ port, ...way }), {
      code: 'HIVE_UNAVAILABLE',
      message: /ECONNREFUSED/,
      hint: /Nothing listens there/,
    });
  });

  test(`a server that closes at once is HIVE_UNAVAILABLE (${name})`, async () => {
    const port = await listen(createServer((socket) => socket.destroy()));
    await assert.rejects(open({ port, ...way }), { code: 'HIVE_UNAVAILABLE' });
  });

  test(`an abort ends the wait for a login with its own reason (${name})`, async () => {
    const { port } = await blackHole();
    const controller = new AbortController();
    const reason = new Stopping('test');
    const opening = open({ port, connectTimeoutMs: 60_000, ...way }, controller.signal);
    setImmediate(() => controller.abort(reason));
    await assert.rejects(opening, reason);
  });
}

test('an unknown host is HIVE_UNAVAILABLE and names the setting', async () => {
  const opening = open({ host: 'no-such-host.invalid', connectTimeoutMs: 10_000 });
  await assert.rejects(opening, {
    code: 'HIVE_UNAVAILABLE',
    message: /no-such-host\.invalid:10000/,
    hint: /hive\.host/,
  });
});

test('a SASL server that refuses the password is HIVE_REJECTED with its words', async () => {
  const words = Buffer.from('Error validating the login');
  const port = await listen(
    createServer((socket) => {
      socket.on('error', () => {});
      const head = Buffer.from([3, 0, 0, 0, words.length]);
      socket.once('data', () => socket.end(Buffer.concat([head, words])));
    }),
  );
  await assert.rejects(open({ port, auth: 'password', password: 'canary-secret' }), {
    code: 'HIVE_REJECTED',
    message: /Error validating the login/,
    hint: /hive\.password/,
  });
});

for (const [status, code] of [
  [401, 'HIVE_REJECTED'],
  [404, 'HIVE_REJECTED'],
  [503, 'HIVE_UNAVAILABLE'],
] as const) {
  test(`HTTP ${status} is ${code}`, async () => {
    const server = createHttpServer((_, response) => response.writeHead(status).end('no'));
    const port = await listen(server);
    await assert.rejects(open({ port, transport: 'http' }), { code });
  });
}

test('a CA file that cannot be read is named with its setting', async () => {
  await assert.rejects(open({ tls: { ca: '/no/such/ca.pem' } }), {
    code: 'CONFIG_INVALID',
    message: /hive\.tls\.ca .*no\/such\/ca\.pem/,
  });
});

test('TLS with a server that speaks plain text is HIVE_TLS', async () => {
  const port = await listen(
    createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('this is no TLS record at all'));
    }),
  );
  await assert.rejects(open({ port, tls: {}, connectTimeoutMs: 5000 }), { code: 'HIVE_TLS' });
});
