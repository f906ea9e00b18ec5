// The literals and the cutting of INSERT statements. What the server makes of them: test/servers/hive-insert.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { valueLists, valueLiteral } from '../../../../consumer/sinks/insert-statement.ts';

test('every value is a literal of the type of its column', () => {
  assert.equal(valueLiteral('7', 'int'), '7');
  assert.equal(valueLiteral('9007199254740993', 'bigint'), '9007199254740993L');
  assert.equal(valueLiteral('0.1', 'double'), '0.1D');
  assert.equal(valueLiteral('1e+300', 'double'), '1e+300D');
  assert.equal(valueLiteral('true', 'boolean'), 'true');
  assert.equal(
    valueLiteral('2026-11-21 10:11:12.345', 'timestamp'),
    "timestamp '2026-11-21 10:11:12.345'",
  );
  assert.equal(valueLiteral('2026-11-21', 'date'), "date '2026-11-21'");
  assert.equal(valueLiteral("it's", 'string'), String.raw`'it\'s'`);
  assert.equal(valueLiteral(['a', null, ''], 'array<string>'), "array('a',NULL,'')");
  assert.equal(valueLiteral([], 'array<string>'), 'array()');
});

test('what no number literal can say is cast from text', () => {
  assert.equal(valueLiteral('NaN', 'double'), "cast('NaN' as double)");
  assert.equal(valueLiteral('-Infinity', 'double'), "cast('-Infinity' as double)");
  assert.equal(
    valueLiteral('-9223372036854775808', 'bigint'),
    "cast('-9223372036854775808' as bigint)",
  );
});

test('NULL is told from the empty string, and has a type where Hive needs one', () => {
  assert.equal(valueLiteral(null, 'string'), 'NULL');
  assert.equal(valueLiteral('', 'string'), "''");
  assert.equal(valueLiteral(null, 'array<string>'), 'cast(null as array<string>)');
});

test('rows are cut into statements of at most 10,000 rows, in order', () => {
  const rows = Array.from({ length: 25_000 }, (_, at) => [`${at}`]);
  const lists = [...valueLists(rows, ['int'])];
  assert.deepEqual(
    lists.map((list) => list.split(',').length),
    [10_000, 10_000, 5000],
  );
  assert.equal(lists.join(','), rows.map(([n]) => `(${n})`).join(','));
});

test('rows are cut by bytes, not characters, and a single huge row goes alone', () => {
  const megabyte = 'é'.repeat(512 * 1024);
  const lists = [
    ...valueLists(
      [['a'], [megabyte], [megabyte], [megabyte], [megabyte.repeat(5)], ['b']],
      ['string'],
    ),
  ];
  assert.deepEqual(
    lists.map((list) => list.split('),(').length),
    [3, 1, 1, 1],
  );
});

test('no rows make no statement', () => {
  assert.deepEqual([...valueLists([], ['string'])], []);
});
