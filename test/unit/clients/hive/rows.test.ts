// Decoding of result sets as thrift hands them over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeRows } from '../../../../clients/hive/rows.ts';

const int64 = (value: bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return { buffer, offset: 0 };
};
const NONE = Buffer.alloc(0);

test('a BIGINT keeps every digit and its sign', () => {
  const schema = { columns: [{ columnName: 'n', position: 1 }] };
  const values = [int64(2n ** 53n + 1n), int64(-1n), int64(-(2n ** 63n))];
  const rows = decodeRows(schema, {
    columns: [{ boolVal: null, i64Val: { values, nulls: NONE } }],
  });
  assert.deepEqual(rows, [{ n: 9007199254740993n }, { n: -1n }, { n: -9223372036854775808n }]);
});

test('NULL is told from the empty string and from zero', () => {
  const schema = {
    columns: [
      { columnName: 'a', position: 1 },
      { columnName: 'b', position: 2 },
    ],
  };
  const rows = decodeRows(schema, {
    columns: [
      { stringVal: { values: ['', '', 'x'], nulls: Buffer.from([0b010]) } },
      { i32Val: { values: [0, 0, 7], nulls: Buffer.from([0b001]) } },
    ],
  });
  assert.deepEqual(rows, [
    { a: '', b: null },
    { a: null, b: 0 },
    { a: 'x', b: 7 },
  ]);
});

test('the bit of a NULL beyond the eighth row lies in the next byte', () => {
  const schema = { columns: [{ columnName: 'a', position: 1 }] };
  const values = Array.from({ length: 10 }, (_, index) => `${index}`);
  const nulls = Buffer.from([0, 0b10]);
  const rows = decodeRows(schema, { columns: [{ stringVal: { values, nulls } }] });
  assert.equal(rows[9]?.['a'], null);
  assert.equal(rows[8]?.['a'], '8');
});

test('columns are named by position, without the name of their table', () => {
  const schema = {
    columns: [
      { columnName: 't.second', position: 2 },
      { columnName: 't.first', position: 1 },
    ],
  };
  const rows = decodeRows(schema, {
    columns: [
      { stringVal: { values: ['1'], nulls: NONE } },
      { stringVal: { values: ['2'], nulls: NONE } },
    ],
  });
  assert.deepEqual(rows, [{ first: '1', second: '2' }]);
});

test('a result without rows decodes to none', () => {
  assert.deepEqual(decodeRows({ columns: [] }, {}), []);
});
