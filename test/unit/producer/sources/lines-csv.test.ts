// CSV as spreadsheets and databases write it, and packed input.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { after, suite, test } from 'node:test';
import { isCode } from '../../../../pipeline/errors.ts';
import type { LinesOptions } from '../../../../producer/sources/lines.ts';
import { Files, readAll, source } from './lines-world.ts';

const files = new Files();
let made = 0;

after(() => files.dispose());

async function rowsOf(text: string, options: Partial<LinesOptions> = {}): Promise<unknown[]> {
  made += 1;
  const path = files.write(`${made}.csv`, text);
  const [values] = await readAll(source([path], { raw: false, csv: true, ...options }));
  return values.map((value) => JSON.parse(value));
}

suite('CSV', () => {
  test('each row is an object of texts; numbers stay as they are written', async () => {
    assert.deepEqual(await rowsOf('zip,n,t\n01234,1e3, true \n'), [
      { zip: '01234', n: '1e3', t: ' true ' },
    ]);
  });

  test('an empty field is null, an empty field in quotes is an empty text', async () => {
    assert.deepEqual(await rowsOf('a,b,c\n,"",x\n'), [{ a: null, b: '', c: 'x' }]);
  });

  test('quotes, commas and line breaks within quotes are part of the text', async () => {
    const text = 'a,b\r\n"one, ""two""\r\nthree\nfour",é\r\n';
    assert.deepEqual(await rowsOf(text), [{ a: 'one, "two"\r\nthree\nfour', b: 'é' }]);
  });

  test('a byte order mark, empty lines, mixed line endings and a last row without an end are fine', async () => {
    assert.deepEqual(await rowsOf('\ufeffa,b\n\n1,2\r\n\r\n3,4'), [
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ]);
  });

  test('a row with a text becomes a post, and is looked through for hashtags', async () => {
    const text = 'id,text,user\n1,"about #kafka, ""and"" more",ann\n2,nothing,bob\n';
    const [post, ...others] = await rowsOf(text, { hashtags: ['Kafka'] });
    assert.deepEqual(others, []);
    assert.deepEqual(post, {
      id: '1',
      author: 'ann',
      text: 'about #kafka, "and" more',
      hashtags: ['kafka'],
      lang: null,
      created_at: null,
      source: null,
      url: null,
    });
  });

  test('what does not fit the header is told with its line, and without its values', async () => {
    const wrong: readonly [text: string, message: RegExp][] = [
      ['a,b\n1,2\n3\n', /\.csv:3 has 1 fields; the header has 2$/],
      ['a,b\n"x\ny",2,3\n', /\.csv:3 has 3 fields; the header has 2$/],
      ['a,a\n1,2\n', /\.csv:1 is a header with a name twice$/],
      ['a,\n1,2\n', /\.csv:1 is a header with an empty name$/],
      ['a,b\nsecret"x,2\n', /\.csv:2 holds a quote in a field that does not begin with one$/],
      ['a,b\n"secret"x,2\n', /\.csv:2 goes on behind a closing quote$/],
      ['a,b\n1,"secret\n', /\.csv:2 opens a quote that is never closed$/],
    ];
    for (const [text, message] of wrong) {
      await assert.rejects(
        rowsOf(text),
        (error) =>
          isCode(error, 'SOURCE_INPUT_INVALID') &&
          message.test(error.message) &&
          !error.message.includes('secret'),
        text,
      );
    }
  });

  test('nothing but a header, or nothing at all, is no row', async () => {
    assert.deepEqual(await rowsOf('a,b\n'), []);
    assert.deepEqual(await rowsOf(''), []);
  });

  test('comes from standard input, too', async () => {
    const stdin = Readable.from([Buffer.from('a\n1'), Buffer.from('2\n')]);
    const [values] = await readAll(source(['-'], { raw: false, csv: true, stdin }));
    assert.deepEqual(values, ['{"a":"12"}']);
  });
});

suite('packed input', () => {
  test('a file of several members is one text', async () => {
    const path = files.write('members.log.gz', 'one\ntw', 'o\n', 'three');
    assert.deepEqual((await readAll(source([path])))[0], ['one', 'two', 'three']);
  });

  test('a file that is cut off or not packed at all is told by name', async () => {
    const whole = files.write('whole.log.gz', 'text\n'.repeat(1000));
    for (const bytes of [readFileSync(whole).subarray(0, 25), Buffer.from('plain\n')]) {
      const path = files.path('broken.log.gz');
      writeFileSync(path, bytes);
      await assert.rejects(
        readAll(source([path])),
        (error) =>
          isCode(error, 'SOURCE_INPUT_INVALID') && /cannot read .*broken/.test(error.message),
      );
    }
  });
});
