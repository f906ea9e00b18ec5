// The probes tell a server that serves from a port that is merely open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { hiveAnswers, opensSession } from '../../../stack/hive-probe.ts';
import { answersApiVersions } from '../../../stack/kafka.ts';

async function withServer<T>(onConnection: (socket: Socket) => void, work: (port: number) => T) {
  const server = createServer(onConnection).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

const NONE = { authentication: 'NONE', tls: false, transport: 'binary' } as const;

/** A reply to OpenSession whose status has `code`. */
const reply = (code: number) =>
  Buffer.concat([
    Buffer.from([0x80, 1, 0, 2, 0, 0, 0, 11]),
    Buffer.from('OpenSession'),
    Buffer.from([0, 0, 0, 1, 12, 0, 0, 12, 0, 1, 8, 0, 1, 0, 0, 0, code, 0]),
  ]);

test('only a session that was opened counts as an answer', () => {
  assert.ok(opensSession(reply(0)));
  assert.ok(opensSession(reply(1)));
  assert.ok(!opensSession(reply(3)));
  assert.ok(!opensSession(reply(0).subarray(0, 30)));
  assert.ok(!opensSession(Buffer.from('HTTP/1.1 400 Bad Request')));
});

test('a server that hangs up is not serving', async () => {
  await withServer(
    (socket) => socket.destroy(),
    async (port) => {
      assert.equal(await hiveAnswers({ ...NONE, port }), false);
      assert.equal(await answersApiVersions(port), false);
    },
  );
});

test('a server that accepts and never answers is not serving', async () => {
  const sockets: Socket[] = [];
  await withServer(
    (socket) => sockets.push(socket),
    async (port) => {
      assert.equal(await answersApiVersions(port, 50), false);
      assert.equal(await hiveAnswers({ ...NONE, port }, 50), false);
      for (const socket of sockets) socket.destroy();
    },
  );
});

test('nothing behind the port is not serving', async () => {
  const port = await withServer(
    () => {},
    (open) => open,
  );
  assert.equal(await hiveAnswers({ ...NONE, port }), false);
  assert.equal(await answersApiVersions(port), false);
});
