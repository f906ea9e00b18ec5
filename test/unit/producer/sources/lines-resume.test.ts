// Files that are read in parts: where a restart goes on, in plain and packed files, in CSV, in several files.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import type { SourceRecord } from '../../../../pipeline/source.ts';
import type { LinesCursor, LinesOptions, LinesSource } from '../../../../producer/sources/lines.ts';
import { byValue, sourceContract } from '../../../contract/source.contract.ts';
import { Files, readAll, source } from './lines-world.ts';

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index} é`);
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
const worlds: Files[] = [];

after(() => {
  for (const files of worlds) files.dispose();
});

function newFiles(): Files {
  const files = new Files();
  worlds.push(files);
  return files;
}

function contract(
  name: string,
  prepare: (files: Files) => readonly string[],
  expected: readonly string[],
  options: Partial<LinesOptions> = {},
): void {
  const world = async () => {
    const files = newFiles();
    const inputs = prepare(files);
    return { expected, make: () => source(inputs, options), dispose: async () => files.dispose() };
  };
  const silent = async () => {
    const files = newFiles();
    const path = files.write('silent.log', '');
    const make = () => source([path], { ...options, follow: true });
    return { expected: [], make, dispose: async () => files.dispose() };
  };
  sourceContract(name, { whole: world, silent: [silent] }, byValue);
}

const rows = Array.from({ length: 12 }, (_, at) =>
  JSON.stringify({ id: `${at}`, note: `a\n"${at}"` }),
);
const csv = `id,note\n${rows.map((_, at) => `${at},"a\n""${at}"""\n`).join('\n')}`;

contract(
  'lines of a file',
  (files) => [files.write('a.log', text(numbers(0, 30)))],
  numbers(0, 30),
);
contract(
  'lines of several files, one of them packed',
  (files) => [
    files.write('a.log', text(numbers(0, 10))),
    files.write('b.log.gz', text(numbers(10, 15)), text(numbers(15, 20))),
    files.write('c.log', text(numbers(20, 30))),
  ],
  numbers(0, 30),
);
contract('rows of CSV', (files) => [files.write('a.csv', csv)], rows, { raw: false, csv: true });
contract('rows of packed CSV', (files) => [files.write('a.csv.gz', csv)], rows, {
  raw: false,
  csv: true,
});
contract(
  'lines of a file that may grow',
  (files) => [files.write('a.log', text(numbers(0, 12)))],
  numbers(0, 12),
  { follow: true },
);

/** The first `count` of what a source yields. */
async function eachOf(from: LinesSource, after: LinesCursor | undefined, count: number) {
  const stop = new AbortController();
  const found: SourceRecord<LinesCursor>[] = [];
  for await (const next of from.read(after, stop.signal)) {
    found.push(next);
    if (found.length === count) break;
  }
  stop.abort();
  return found;
}

suite('lines after a restart', () => {
  test('a file that was read to its end is not read again; what was added to it is', async () => {
    const files = newFiles();
    const path = files.write('a.log', 'one\ntwo\n');
    const [, cursor] = await readAll(source([path]));
    assert.deepEqual((await readAll(source([path]), cursor))[0], []);
    files.append('a.log', 'three\n');
    assert.deepEqual((await readAll(source([path]), cursor))[0], ['three']);
  });

  test('a file that was replaced, rewritten or cut is another file', async () => {
    const files = newFiles();
    const path = files.write('a.log', 'one\ntwo\n');
    const [, cursor] = await readAll(source([path]));
    files.write('a.log', 'new\n');
    assert.deepEqual((await readAll(source([path]), cursor))[0], ['new']);
    files.write('a.log', 'neither\nof\nthem\n');
    assert.deepEqual((await readAll(source([path]), cursor))[0], ['neither', 'of', 'them']);
    renameSync(files.write('b.log', 'one\ntwo\nthree\n'), path);
    assert.deepEqual((await readAll(source([path]), cursor))[0], ['one', 'two', 'three']);
  });

  test('a kill before anything but the beginning is saved: the lines come again under the same ids', async () => {
    const files = newFiles();
    const path = files.write('a.log', text(numbers(0, 5)));
    for (const follow of [false, true]) {
      const first = await eachOf(source([path], { follow }), undefined, 6);
      const [begin, ...lines] = first;
      assert.deepEqual([begin?.record, begin?.saveFirst], [undefined, true]);
      const ids = lines.map(({ id }) => id);
      assert.equal(new Set(ids).size, 5);
      files.append('a.log', 'more\n');
      const again = await eachOf(source([path], { follow }), begin?.cursor, 7);
      const known = again.flatMap(({ record, id }) => (record ? [id] : [])).slice(0, 5);
      assert.deepEqual(known, ids);
      files.write('a.log', text(numbers(0, 5)));
    }
  });

  test('files that were given in an earlier run are remembered', async () => {
    const files = newFiles();
    const [a, b] = [files.write('a.log', 'a\n'), files.write('b.log', 'b\n')];
    const [, first] = await readAll(source([a]));
    const [values, second] = await readAll(source([b]), first);
    assert.deepEqual(values, ['b']);
    assert.deepEqual((await readAll(source([a, b]), second))[0], []);
  });

  test('a long stretch that is not wanted moves the cursor on', async () => {
    const files = newFiles();
    const path = files.write('a.log', text(numbers(0, 2500)));
    const cursors = [];
    for await (const { record, cursor } of source([path], { hashtags: ['kafka'] }).read(
      undefined,
      new AbortController().signal,
    )) {
      assert.equal(record, undefined);
      cursors.push(cursor.at.line);
    }
    assert.deepEqual(cursors, [1000, 2000, 2500]);
  });

  test('the number of a line in an error counts from the beginning of the file', async () => {
    const files = newFiles();
    const path = files.write('a.ndjson', '{"a":1}\n');
    const [, cursor] = await readAll(source([path], { raw: false }));
    files.append('a.ndjson', 'no json\n');
    await assert.rejects(
      readAll(source([path], { raw: false }), cursor),
      /a\.ndjson:2 is not JSON/,
    );
  });
});
