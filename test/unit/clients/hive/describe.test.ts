// DESCRIBE FORMATTED as HiveServer2 4 prints it, taken apart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseDescription,
  partitionClause,
  quoteTable,
} from '../../../../clients/hive/describe.ts';

const row = (col_name: string, data_type: string | null = null, comment: string | null = null) => ({
  col_name,
  data_type,
  comment,
});

test('columns, table partition columns, facts and properties are told apart', () => {
  const found = parseDescription([
    row('# col_name            ', 'data_type           ', 'comment             '),
    row('id                  ', 'string              ', '                    '),
    row('tags', 'array<string>'),
    row('', null, null),
    row('# Partition Information'),
    row('# col_name            ', 'data_type'),
    row('dt', 'string'),
    row(''),
    row('# Detailed Table Information'),
    row('Location:           ', 'hdfs://nn:8020/w/t  '),
    row('Table Type:         ', 'EXTERNAL_TABLE      '),
    row('Table Parameters:'),
    row('', 'EXTERNAL            ', 'TRUE                '),
    row('', 'transactional', 'true'),
    row('# Storage Information'),
    row('SerDe Library:      ', 'org.apache.X'),
  ]);
  assert.deepEqual(found.columns, [
    { name: 'id', type: 'string' },
    { name: 'tags', type: 'array<string>' },
  ]);
  assert.deepEqual(found.partitionColumns, [{ name: 'dt', type: 'string' }]);
  assert.equal(found.facts.get('Location'), 'hdfs://nn:8020/w/t');
  assert.equal(found.facts.get('Table Type'), 'EXTERNAL_TABLE');
  assert.equal(found.properties.get('transactional'), 'true');
  assert.equal(found.facts.get('SerDe Library'), 'org.apache.X');
});

test('names and values of a table partition are quoted', () => {
  assert.equal(quoteTable({ database: 'd', name: 'table' }), '`d`.`table`');
  assert.equal(
    partitionClause({ dt: "a'b", part: 3 }),
    String.raw`PARTITION (${'`dt`'}='a\'b', ${'`part`'}=3)`,
  );
});
