// The http transport of HiveServer2 in front of its binary port: one POST per Thrift message, Basic authentication, TLS.
// What answers is the real server; only the envelope is ours.
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';

export interface HiveHttpDouble {
  readonly port: number;
  close(): void;
}

export interface Upstream {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
}

const START = 1;
const OK = 2;
const COMPLETE = 5;

const sasl = (status: number, payload: string) => {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(5);
  head.writeUInt8(status, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
};

/** A connection that has logged in, or undefined when the login was refused. */
async function login(to: Upstream, user: string, password: string): Promise<TLSSocket | undefined> {
  const socket = connect({ host: to.host, port: to.port, ca: readFileSync(to.ca) });
  socket.on('error', () => socket.destroy());
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  socket.write(Buffer.concat([sasl(START, 'PLAIN'), sasl(OK, `\0${user}\0${password}`)]));
  const [answer]: [Buffer] = await new Promise((resolve) =>
    socket.once('data', (chunk) => resolve([chunk])),
  );
  if (answer[0] === COMPLETE) return socket;
  socket.destroy();
  return undefined;
}

/** Sends one message in its frame and waits for the frame of the answer. */
function exchange(socket: TLSSocket, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let data = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      data = Buffer.concat([data, chunk]);
      if (data.length < 4 || data.length < 4 + data.readUInt32BE(0)) return;
      socket.off('data', onData).off('close', onClose);
      resolve(data.subarray(4));
    };
    const onClose = () => reject(new Error('HiveServer2 closed the connection'));
    socket.on('data', onData).on('close', onClose);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(message.length, 0);
    socket.write(Buffer.concat([head, message]));
  });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** `store` is a PKCS12 key store with the password `changeit`. Answers on `/cliservice` only. */
export async function startHiveHttp(to: Upstream, store: string): Promise<HiveHttpDouble> {
  const upstreams = new Map<Socket, TLSSocket>();
  const tls = { pfx: readFileSync(store), passphrase: 'changeit' };
  const server = createServer(tls, async (request, response) => {
    const body = await bodyOf(request);
    if (request.url !== '/cliservice') return response.writeHead(404).end();
    const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const [user = '', ...password] = Buffer.from(basic, 'base64').toString().split(':');
    const known = upstreams.get(request.socket);
    const upstream = known ?? (await login(to, user, password.join(':')));
    if (!upstream) return response.writeHead(401).end('refused');
    if (!known) {
      upstreams.set(request.socket, upstream);
      request.socket.once('close', () => upstream.destroy());
    }
    const answer = await exchange(upstream, body).catch(() => undefined);
    if (!answer) return response.writeHead(500).end();
    return response.writeHead(200, { 'content-type': 'application/x-thrift' }).end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
