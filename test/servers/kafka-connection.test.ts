// Opening Kafka where there is none: one clear error with the addresses, within the time given.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { suite, test } from 'node:test';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { configSchema } from '../../params/schema.ts';
import { isCode, Stopping } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { eventually } from '../support/eventually.ts';
import { stackEndpoints } from '../support/stack.ts';

const START_MS = 1500;
const SLACK_MS = 3000;
const never = new AbortController().signal;

const settings = (...brokers: string[]) => configSchema.parse({ kafka: { brokers } }).kafka;

/** Accepts connections and never answers. */
async function blackHole() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, sockets, close: () => server.close() };
}

async function assertUnavailable(broker: string, words: RegExp): Promise<void> {
  for (const opening of [KafkaAdmin.open, KafkaSender.open]) {
    const began = performance.now();
    await assert.rejects(
      opening(settings(broker), silentLog, never, START_MS),
      (error) =>
        isCode(error, 'KAFKA_UNAVAILABLE') &&
        error.message.includes(broker) &&
        words.test(error.message) &&
        error.hint !== undefined,
    );
    assert.ok(performance.now() - began < START_MS + SLACK_MS);
  }
}

suite('opening Kafka', () => {
  test('a refused port', () => assertUnavailable('127.0.0.1:9', /ECONNREFUSED/));

  test('an unknown host', () =>
    assertUnavailable('no-such-host.invalid:9092', /host name is unknown/));

  test('a port that accepts and never answers, and no connection is left behind', async () => {
    const hole = await blackHole();
    await assertUnavailable(hole.address, /no answer/);
    await eventually(() => assert.equal(hole.sockets.size, 0), 5000);
    hole.close();
  });

  test('an IPv6 address', () => assertUnavailable('[::1]:9', /::1:9/));

  test('one dead and one hung broker in the list do not hide a good one', async () => {
    const hole = await blackHole();
    const [good = ''] = stackEndpoints().kafka.brokers;
    const admin = await KafkaAdmin.open(
      settings('127.0.0.1:9', hole.address, good),
      silentLog,
      never,
    );
    await admin.close();
    hole.close();
  });

  test('a stop ends the waiting at once, as a stop', async () => {
    const stop = new AbortController();
    const opening = KafkaAdmin.open(settings('127.0.0.1:9'), silentLog, stop.signal, 60_000);
    setTimeout(() => stop.abort(new Stopping('test')), 300);
    const began = performance.now();
    await assert.rejects(opening, Stopping);
    assert.ok(performance.now() - began < SLACK_MS);
  });
});
