// Messages of kafkajs as records: what of them stays in memory, and that nothing of them changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KafkaMessage } from 'kafkajs';
import { toRecords } from '../../../../clients/kafka/records.ts';

/** With headers, as brokers send it since 0.11. */
type Message = Exclude<KafkaMessage, { size: number }>;

/** A message whose key and value lie in `response`, as kafkajs cuts them out of what a fetch brought. */
function message(response: Buffer, offset: number, at: number, bytes: number): Message {
  const key = response.subarray(at, at + 2);
  const value = response.subarray(at + 2, at + bytes);
  return { key, value, offset: `${offset}`, timestamp: '5', attributes: 0, headers: {} };
}

test('a few records of a large fetch do not keep all of it in memory', () => {
  const response = Buffer.alloc(1024 * 1024, 'abcdefg');
  const messages = [message(response, 3, 100, 40), message(response, 4, 500_001, 60)];
  const records = toRecords(messages);
  assert.deepEqual(
    records.map(({ offset, key, value }) => [offset, key, value]),
    messages.map(({ offset, key, value }) => [BigInt(offset), key, value]),
  );
  const kept = new Set(records.flatMap(({ key, value }) => [key?.buffer, value?.buffer]));
  assert.equal(kept.size, 1);
  assert.deepEqual(
    [...kept].map((buffer) => buffer?.byteLength),
    [100],
  );
});

test('records that are most of a fetch are not copied', () => {
  const response = Buffer.alloc(1000, 'x');
  const [record] = toRecords([message(response, 0, 10, 900)]);
  assert.equal(record?.value?.buffer, response.buffer);
});

test('a record without key and value stays one, also beside a large fetch', () => {
  const response = Buffer.alloc(1024 * 1024);
  const tombstone = { ...message(response, 7, 0, 9), value: null };
  const empty = { ...message(response, 8, 20, 2), key: null };
  const records = toRecords([tombstone, empty]);
  assert.deepEqual(
    records.map(({ key, value }) => [key?.length, value?.length]),
    [
      [2, undefined],
      [undefined, 0],
    ],
  );
  assert.deepEqual([records[0]?.value, records[1]?.key], [null, null]);
});

test('headers keep all values of a name', () => {
  const headers = { a: [Buffer.from('1'), Buffer.from('2')], b: 'text' };
  const [record] = toRecords([{ ...message(Buffer.alloc(20), 0, 0, 9), headers }]);
  assert.deepEqual(record?.headers, {
    a: [Buffer.from('1'), Buffer.from('2')],
    b: [Buffer.from('text')],
  });
});
