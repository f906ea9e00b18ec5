// The proxy of the chaos run, shown with plain sockets: each effect, and that it ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { TcpProxy } from '../../../chaos/nemesis/proxy.ts';
import { eventually } from '../../../support/eventually.ts';

/** A server that sends everything back in capitals; the sockets it has and how they ended. */
const server = createServer({ allowHalfOpen: true });
const served: { socket: Socket; got: string; ended: boolean; broken: boolean }[] = [];
server.on('connection', (socket) => {
  const one = { socket, got: '', ended: false, broken: false };
  served.push(one);
  socket.on('data', (chunk) => {
    one.got += chunk;
    socket.write(String(chunk).toUpperCase());
  });
  socket.on('end', () => {
    one.ended = true;
    socket.end('bye');
  });
  socket.on('error', () => {
    one.broken = true;
  });
});

let proxy: TcpProxy;
const clients: Socket[] = [];

beforeEach(async () => {
  if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
  proxy = await TcpProxy.listen({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
  });
});
afterEach(async () => {
  await proxy.close();
  for (const socket of clients.splice(0)) socket.destroy();
  for (const { socket } of served.splice(0)) socket.destroy();
  server.close();
});

/** A client and all it has received. */
async function join() {
  const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true });
  clients.push(socket);
  const seen = { socket, got: '', error: '' };
  socket.on('data', (chunk) => {
    seen.got += chunk;
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? '';
  });
  await once(socket, 'connect');
  return seen;
}

const got = (of: { got: string }, text: string) => eventually(() => assert.equal(of.got, text));

test('bytes pass both ways for several clients, and each closing is handed on', async () => {
  const [one, two] = [await join(), await join()];
  one.socket.write('one');
  two.socket.write('two');
  await got(one, 'ONE');
  await got(two, 'TWO');
  one.socket.end();
  await got(one, 'ONEbye');
  await eventually(() => assert.equal(proxy.connections, 1));
  two.socket.resetAndDestroy();
  await eventually(() =>
    assert.deepEqual(served.map(({ broken }) => broken).sort(), [false, true]),
  );
  await eventually(() => assert.equal(proxy.connections, 0));
});

test('a cut resets what is open and refuses what comes, until it is over', async () => {
  const before = await join();
  before.socket.write('a');
  await got(before, 'A');
  const undo = await proxy.impose({ kind: 'cut' });
  await eventually(() => assert.equal(before.error, 'ECONNRESET'));
  await eventually(() => assert.equal(served[0]?.broken, true));
  await assert.rejects(join(), { code: 'ECONNREFUSED' });
  await undo();
  const after = await join();
  after.socket.write('b');
  await got(after, 'B');
});

test('on a half-open connection bytes and the death of a side vanish, until both sides are reset', async () => {
  const one = await join();
  const two = await join();
  one.socket.write('a');
  two.socket.write('a');
  await got(one, 'A');
  await got(two, 'A');
  const undo = await proxy.impose({ kind: 'half-open', direction: 'both' });
  one.socket.write('lost');
  two.socket.resetAndDestroy();
  for (const { socket } of served) socket.write('lost, too');
  const three = await join();
  three.socket.write('lost as well');
  // A connection made later has arrived: so would have what was sent before it.
  await eventually(() => assert.equal(served.length, 3));
  assert.deepEqual(served.map(({ got, ended, broken }) => [got, ended, broken]).sort(), [
    ['', false, false],
    ['a', false, false],
    ['a', false, false],
  ]);
  assert.equal(one.got, 'A');
  await undo();
  await eventually(() => assert.equal(one.error, 'ECONNRESET'));
  await eventually(() =>
    assert.deepEqual(
      served.map(({ broken }) => broken),
      [true, true, true],
    ),
  );
  const four = await join();
  four.socket.write('b');
  await got(four, 'B');
});

test('half-open in one direction, the other one still works: the server acts and its answer is lost', async () => {
  const client = await join();
  const undo = await proxy.impose({ kind: 'half-open', direction: 'to-client' });
  client.socket.write('do it');
  await eventually(() => assert.equal(served[0]?.got, 'do it'));
  client.socket.end();
  await eventually(() => assert.equal(served[0]?.ended, true));
  assert.equal(client.got, '');
  await undo();
  await eventually(() => assert.equal(client.error, 'ECONNRESET'));
});

test('a delay holds every chunk back and keeps their order', async () => {
  const client = await join();
  const undo = await proxy.impose({ kind: 'delay', delayMs: 60 });
  const began = performance.now();
  client.socket.write('a');
  await got(client, 'A');
  assert.ok(performance.now() - began >= 120, 'there and back');
  for (const letter of 'bcd') client.socket.write(letter);
  await undo();
  client.socket.write('e');
  await got(client, 'ABCDE');
});

test('effects overlap: each ends for itself', async () => {
  const ends = [await proxy.impose({ kind: 'cut' }), await proxy.impose({ kind: 'cut' })];
  const slow = await proxy.impose({ kind: 'delay', delayMs: 50 });
  await ends[0]?.();
  await assert.rejects(join(), { code: 'ECONNREFUSED' });
  await ends[1]?.();
  const client = await join();
  const began = performance.now();
  client.socket.write('a');
  await got(client, 'A');
  assert.ok(performance.now() - began >= 100);
  await slow();
});

test('a server that is not there resets its clients', async () => {
  server.close();
  const client = await join();
  await eventually(() => assert.equal(client.error, 'ECONNRESET'));
});

test('a request is told of when it is sent, in time to lose its answer', async () => {
  const client = await join();
  const told = proxy.sent('second');
  client.socket.write('first');
  await got(client, 'FIRST');
  client.socket.write('the second one');
  await told;
  const undo = await proxy.impose({ kind: 'half-open', direction: 'both' });
  await eventually(() => assert.equal(served[0]?.got, 'firstthe second one'));
  assert.equal(client.got, 'FIRST');
  await undo();
});

test('a request that is held back arrives in the end, also long after its client went', async () => {
  const client = await join();
  await join();
  const told = proxy.sent('late');
  const release = await proxy.impose({ kind: 'hold', text: 'late' });
  client.socket.write('late');
  await told;
  const undo = await proxy.impose({ kind: 'half-open', direction: 'both' });
  proxy.resetClients();
  await eventually(() => assert.equal(client.error, 'ECONNRESET'));
  await release();
  await eventually(() => assert.deepEqual(served.map(({ got }) => got).sort(), ['', 'late']));
  assert.ok(served.every(({ ended, broken }) => !ended && !broken));
  await undo();
  await eventually(() => assert.ok(served.every(({ broken }) => broken)));
});
