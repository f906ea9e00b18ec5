// Messages of kafkajs as records: nothing of them changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toRecord } from '../../../../clients/kafka/records.ts';

/** With headers, as brokers send it since 0.11. */
const MESSAGE = { offset: '0', timestamp: '5', attributes: 0, key: null, value: null, headers: {} };

test('a record has what its message has, offsets beyond 2^53 included', () => {
  const [key, value] = [Buffer.from('k'), Buffer.from('v')];
  assert.deepEqual(toRecord({ ...MESSAGE, offset: '9007199254740993', key, value }), {
    ...{ offset: 9_007_199_254_740_993n, timestamp: 5, key, value, headers: undefined },
  });
});

test('a record without key and value stays one, and is another than one whose value is empty', () => {
  const { key, value } = toRecord(MESSAGE);
  assert.deepEqual([key, value], [null, null]);
  assert.equal(toRecord({ ...MESSAGE, value: Buffer.alloc(0) }).value?.length, 0);
});

test('headers keep all values of a name', () => {
  const headers = { a: [Buffer.from('1'), Buffer.from('2')], b: 'text' };
  assert.deepEqual(toRecord({ ...MESSAGE, headers }).headers, {
    a: [Buffer.from('1'), Buffer.from('2')],
    b: [Buffer.from('text')],
  });
});
