// Addresses in answers of servers lead to the proxies: in answers of Kafka wherever TCP cuts them, in those of the NameNode.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpAddresses, kafkaAddresses } from '../../../chaos/nemesis/rewrite.ts';

const host = '127.0.0.1';
const redirections = [
  { of: { host, port: 12001 }, port: 21001 },
  { of: { host, port: 12002 }, port: 21002 },
];

/** An answer: its size, a correlation id, and brokers as Metadata names them. */
function answer(ports: readonly number[]): Buffer {
  const brokers = ports.map((port) => {
    const broker = Buffer.alloc(2 + host.length + 4);
    broker.writeInt16BE(host.length);
    broker.write(host, 2);
    broker.writeInt32BE(port, 2 + host.length);
    return broker;
  });
  const body = Buffer.concat([Buffer.from([0, 0, 0, 7]), ...brokers, Buffer.alloc(3)]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  return Buffer.concat([size, body]);
}

test('each broker in an answer is the proxy in front of it, wherever the answer is cut', () => {
  const wire = Buffer.concat([answer([12001, 12002, 12003]), answer([]), answer([12002])]);
  const wanted = Buffer.concat([answer([21001, 21002, 12003]), answer([]), answer([21002])]);
  for (let at = 0; at <= wire.length; at += 1) {
    const rewrite = kafkaAddresses(redirections);
    const parts = [wire.subarray(0, at), wire.subarray(at)];
    const sent = parts.map((part) => Buffer.from(rewrite(Buffer.from(part))));
    assert.deepEqual(Buffer.concat(sent), wanted);
  }
});

test('a DataNode in the answer of the NameNode is the proxy in front of it', () => {
  const rewrite = httpAddresses(redirections);
  const location = (port: number) => `{"Location":"http://${host}:${port}/webhdfs/v1/a?op=CREATE"}`;
  assert.equal(String(rewrite(Buffer.from(location(12001)))), location(21001));
});

test('a port that is written in fewer digits is refused, because the length of the answer would change', () => {
  assert.throws(() => httpAddresses([{ of: { host, port: 9864 }, port: 21001 }]), /9864.*digits/);
});
