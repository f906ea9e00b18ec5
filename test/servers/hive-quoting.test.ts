// Literals against the real server: what was quoted reads back as it was, whatever the text.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { quoteString, wellFormed } from '../../clients/hive/quoting.ts';
import { createDatabase, type HiveDatabase, never } from '../support/hive.ts';

let own: HiveDatabase;
before(async () => {
  own = await createDatabase('quoting');
});
after(() => own.dispose());

const HOSTILE = [
  '',
  ' ',
  "'",
  '"',
  "''",
  '\\',
  "\\'",
  '\\\\',
  '\\n',
  '\\u0041',
  '\\101',
  '%_\\%\\_',
  'a\nb\r\nc\td',
  '\0',
  'a\0b',
  '\u001a',
  Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)).join(''),
  '\u007f\u0080\u0085\u009f\u00a0\u2028\u2029\ufeff\ufffe\uffff',
  ';',
  "'; DROP TABLE posts; --",
  '-- comment',
  '/* comment */',
  ...['env:PATH', 'hiveconf:hive.execution.engine', 'system:user.name', 'x'].map(
    (name) => `\${${name}}`,
  ),
  '$',
  '$1 \\$1',
  '😀👩‍👩‍👧‍👦🏳️‍🌈',
  'שלום \u202eabc\u202c مرحبا',
  'Z̷̢a̷l̷g̷o̷ ﷽',
  '\ud800',
  'a\udc00b\ud800',
  '<a>&amp;]]>',
  '`backtick`',
  'NULL',
  '\\N',
];

async function readBack(texts: readonly string[]): Promise<string[]> {
  const structs = texts.map((text, at) => `struct(${at}, ${quoteString(text)})`).join(',');
  const sql = `SELECT id, body FROM (SELECT inline(array(${structs})) AS (id, body)) q`;
  const rows = await own.hive.query(sql, never);
  return rows
    .toSorted((a, b) => Number(a['id']) - Number(b['id']))
    .map((row) => String(row['body']));
}

test('hostile texts read back as they were, lone surrogates as U+FFFD', async () => {
  assert.deepEqual(await readBack(HOSTILE), HOSTILE.map(wellFormed));
});

test('any text reads back as it was', async () => {
  const texts = fc.sample(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({
        unit: fc.constantFrom(...'\\\'"$`{}%_;-nr0Zu\n\r\0\u0001\u001a\ud800é😀'),
        maxLength: 20,
      }),
    ),
    400,
  );
  assert.deepEqual(await readBack(texts), texts.map(wellFormed));
});

test('Z04: hostile texts survive the way through a job into a table', async () => {
  const table = `${own.database}.texts`;
  await own.hive.execute(
    `CREATE EXTERNAL TABLE ${table} (id int, body string) STORED AS PARQUET`,
    never,
  );
  const values = HOSTILE.map((text, at) => `(${at}, ${quoteString(text)})`).join(',');
  await own.hive.execute(`INSERT INTO ${table} VALUES ${values}`, never);
  const rows = await own.hive.query(`SELECT id, body FROM ${table}`, never);
  const bodies = rows
    .toSorted((a, b) => Number(a['id']) - Number(b['id']))
    .map((row) => row['body']);
  assert.deepEqual(bodies, HOSTILE.map(wellFormed));
});
