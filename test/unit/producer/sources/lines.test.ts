// Lines as files and people have them: endings, encodings, sizes, hashtags.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../../../../pipeline/clock.ts';
import { isCode } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { type LinesOptions, LinesSource } from '../../../../producer/sources/lines.ts';
import { readLines } from '../../../../producer/sources/read-lines.ts';

const EVERYTHING = {
  hashtags: [],
  languages: [],
  csv: false,
  follow: false,
  log: silentLog,
  clock: systemClock,
};
const directory = mkdtempSync(join(tmpdir(), 'kafka-hive-lines-'));
let files = 0;

function file(content: string | Buffer): string {
  files += 1;
  const path = join(directory, `${files}.ndjson`);
  writeFileSync(path, content);
  return path;
}

async function valuesOf(source: LinesSource): Promise<string[]> {
  const values: string[] = [];
  for await (const { record } of source.read(undefined, new AbortController().signal)) {
    if (record) values.push(String(record.value));
  }
  return values;
}

const lines = (content: string | Buffer, options: Partial<LinesOptions> = {}) =>
  new LinesSource({ inputs: [file(content)], raw: false, ...EVERYTHING, ...options });

suite('lines source', () => {
  test('leaves out the byte order mark and empty lines, and takes LF, CRLF and a last line without end', async () => {
    const content = '\ufeff{"a":1}\r\n\r\n{"b":2}\n  \n{"c":3}';
    assert.deepEqual(await valuesOf(lines(content)), ['{"a":1}', '{"b":2}', '{"c":3}']);
  });

  test('sends JSON that is no post byte for byte', async () => {
    const odd = '{ "n": 9007199254740993, "s":"\\u00e9" , "n": 2 }';
    assert.deepEqual(await valuesOf(lines(`${odd}\n`)), [odd]);
  });

  test('makes a post of JSON with a text', async () => {
    const [value] = await valuesOf(lines('{"text":"hi","extra":1}\n'));
    assert.deepEqual(Object.keys(JSON.parse(value ?? '')), [
      'id',
      'author',
      'text',
      'hashtags',
      'lang',
      'created_at',
      'source',
      'url',
    ]);
  });

  test('sends only posts with the hashtag, when one is asked for, and counts the others', async () => {
    const content = [
      '{"text":"#Kafka one"}',
      '{"text":"none"}',
      '{"text":"listed","hashtags":["kafka"]}',
      '{"temperature":5}',
    ].join('\n');
    const source = lines(content, { hashtags: ['#kafka'] });
    const texts = (await valuesOf(source)).map((value) => JSON.parse(value).text);
    assert.deepEqual(texts, ['#Kafka one', 'listed']);
    assert.equal(source.leftOut, 2);
  });

  test('stops at a line that is not JSON, naming file and line, after what stood before', async () => {
    const source = lines('{"a":1}\n\n{"b":\n{"c":3}\n');
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { record } of source.read(undefined, new AbortController().signal)) {
        if (record) seen.push(String(record.value));
      }
    })();
    await assert.rejects(
      reading,
      (error) =>
        isCode(error, 'SOURCE_INPUT_INVALID') && /\.ndjson:3 is not JSON/.test(error.message),
    );
    assert.deepEqual(seen, ['{"a":1}']);
  });

  test('tells bytes that are not UTF-8 from bad JSON', async () => {
    const latin1 = Buffer.from('{"text":"caf\xe9"}\n', 'latin1');
    await assert.rejects(valuesOf(lines(latin1)), /:1 is not UTF-8/);
  });

  test('raw sends any bytes as they are', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x20, 0x0a, 0x20, 0x0a]);
    const source = lines(bytes, { raw: true });
    const values: (Buffer | null)[] = [];
    for await (const { record } of source.read(undefined, new AbortController().signal)) {
      if (record) values.push(record.value);
    }
    assert.deepEqual(values, [Buffer.from([0x7b, 0xff, 0x00, 0x20]), Buffer.from(' ')]);
  });

  test('raw with a hashtag sends the lines that carry it', async () => {
    const source = lines('a #kafka\nb\n', { raw: true, hashtags: ['kafka'] });
    assert.deepEqual(await valuesOf(source), ['a #kafka']);
  });

  test('refuses a missing file by name', async () => {
    const source = new LinesSource({ inputs: ['/no/such.ndjson'], raw: false, ...EVERYTHING });
    await assert.rejects(
      valuesOf(source),
      (error) => isCode(error, 'SOURCE_INPUT_INVALID') && error.message.includes('/no/such.ndjson'),
    );
  });

  test('refuses a record above what Kafka takes, naming its line and size', async () => {
    const big = JSON.stringify({ blob: 'x'.repeat(1_100_000) });
    await assert.rejects(valuesOf(lines(`{}\n${big}\n`)), /:2 makes a record of 1100\d+ bytes/);
  });

  test('takes a line of nearly 1 MB', async () => {
    const big = JSON.stringify({ blob: 'é'.repeat(500_000) });
    assert.deepEqual(await valuesOf(lines(`${big}\n`)), [big]);
  });

  test('reads standard input, and several inputs one after another', async () => {
    const stdin = Readable.from([Buffer.from('{"b":2}\n')]);
    const source = new LinesSource({
      inputs: [file('{"a":1}\n'), '-'],
      raw: false,
      ...EVERYTHING,
      stdin,
    });
    assert.deepEqual(await valuesOf(source), ['{"a":1}', '{"b":2}']);
  });

  test('ends at once when stopped while it waits for standard input', async () => {
    const stdin = new Readable({ read() {} });
    const stop = new AbortController();
    const source = new LinesSource({ inputs: ['-'], raw: true, ...EVERYTHING, stdin });
    stdin.push('one\n');
    const seen: string[] = [];
    for await (const { record } of source.read(undefined, stop.signal)) {
      seen.push(String(record?.value));
      setImmediate(() => stop.abort());
    }
    assert.deepEqual(seen, ['one']);
  });

  test('does not read ahead of whoever takes the lines', async () => {
    let pulled = 0;
    async function* chunks() {
      for (let at = 0; at < 1000; at += 1) {
        pulled += 1;
        yield Buffer.from(`${at}\n`);
      }
    }
    const reader = readLines(chunks(), 100, () => new Error('long'));
    await reader.next();
    await reader.next();
    assert.equal(pulled, 2);
    await reader.return(undefined);
  });

  test('finds the same lines however the bytes are cut', async () => {
    const line = fc
      .string({ unit: 'grapheme' })
      .map((text) => text.replaceAll(/[\r\n\ufeff]/g, ''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { minLength: 1 }),
        fc.integer({ min: 1, max: 7 }),
        async (texts, step) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          async function* pieces() {
            for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
          }
          const found: string[] = [];
          for await (const { bytes: got } of readLines(pieces(), 1e6, () => new Error('long'))) {
            found.push(got.toString());
          }
          assert.deepEqual(found, texts);
        },
      ),
    );
  });
});
