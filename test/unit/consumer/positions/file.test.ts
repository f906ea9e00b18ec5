import assert from 'node:assert/strict';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { FilePositionStore, readPositionFile } from '../../../../consumer/positions/file.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { type ErrorCode, isCode } from '../../../../pipeline/errors.ts';
import { type Log, silentLog } from '../../../../pipeline/log.ts';
import type { OffsetRange } from '../../../../pipeline/range.ts';
import { positionStoreContract } from '../../../contract/position-store.contract.ts';

const signal = new AbortController().signal;

interface World {
  readonly file: string;
  readonly logged: string[];
  make(destination?: string): FilePositionStore;
}

async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'positions-'));
  const file = join(directory, 'state', 'positions.json');
  const logged: string[] = [];
  const log: Log = {
    ...silentLog,
    info: (message) => void logged.push(message),
    warn: (message) => void logged.push(message),
  };
  const make = (destination = 'default.posts') =>
    new FilePositionStore({ file, destination, log, clock: systemClock });
  try {
    await run({ file, logged, make });
  } finally {
    await rm(directory, { recursive: true });
  }
}

function range(start: number, end: number, topic = 'posts', partition = 0): OffsetRange {
  return { topic, partition, start: BigInt(start), end: BigInt(end) };
}

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** One save through the store, closed again. */
async function save({ make }: World, ...ranges: OffsetRange[]): Promise<void> {
  const store = make();
  await store.open(signal);
  for (const one of ranges) await store.advance(one);
  await store.close();
}

function failsWith(code: ErrorCode, pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(isCode(error, code), String(error));
    assert.match(error.message, pattern);
    assert.ok(error.hint);
    return true;
  };
}

positionStoreContract('file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'positions-'));
  const file = join(directory, 'positions.json');
  const options = { file, destination: 'default.posts', log: silentLog, clock: systemClock };
  return {
    topic: 'posts',
    make: () => new FilePositionStore(options),
    dispose: () => rm(directory, { recursive: true }),
  };
});

describe('the position file', () => {
  test('reads like what it is, and is whole after every save', () =>
    inWorld(async (world) => {
      const store = world.make();
      await store.open(signal);
      await store.advance(range(40, 50));
      const text = await readFile(world.file, 'utf8');
      const saved = JSON.parse(text);
      const entry = saved.positions['default.posts'].posts['0'];
      assert.equal(saved.version, 1);
      assert.deepEqual(entry.lastBatch, { start: '40', end: '50' });
      assert.equal(entry.next, '50');
      assert.ok(Math.abs(Date.parse(entry.savedAt) - Date.now()) < 60_000);
      assert.ok(text.split('\n').length > 10, 'several lines, for people');
      await store.close();
    }));

  test('the time of saving comes back as the text it was', () =>
    inWorld(async (world) => {
      await save(world, range(0, 5));
      const before = await readFile(world.file, 'utf8');
      await save(world);
      assert.equal(await readFile(world.file, 'utf8'), before);
    }));

  test('one file serves two tables that read the same topic', () =>
    inWorld(async ({ make }) => {
      const posts = make('default.posts');
      await posts.open(signal);
      await posts.advance(range(0, 10));
      await posts.close();
      const other = make('archive.posts');
      await other.open(signal);
      assert.equal(await other.last({ topic: 'posts', partition: 0 }), undefined);
      await other.advance(range(0, 3));
      await other.close();
      await posts.open(signal);
      assert.deepEqual(await posts.last({ topic: 'posts', partition: 0 }), range(0, 10));
      await posts.close();
    }));

  test('topics are kept whatever they are called', () =>
    inWorld(async (world) => {
      const names = ['__proto__', 'constructor', 'a.b', 'a_b-c', 'toString', '0'];
      await save(world, ...names.map((name, index) => range(index, index + 1, name)));
      const store = world.make();
      await store.open(signal);
      for (const [index, topic] of names.entries()) {
        assert.deepEqual(await store.last({ topic, partition: 0 }), range(index, index + 1, topic));
      }
      await store.close();
    }));

  test('a missing or an empty file starts afresh and says so', () =>
    inWorld(async (world) => {
      for (const text of [undefined, '', '\n']) {
        if (text !== undefined) await put(world.file, text);
        world.logged.length = 0;
        const store = world.make();
        await store.open(signal);
        assert.equal(await store.last({ topic: 'posts', partition: 0 }), undefined);
        assert.match(world.logged.join(), /no saved positions yet/);
        await store.advance(range(0, 1));
        await store.close();
      }
    }));

  test('a file cut off anywhere is moved aside, and the store starts afresh', () =>
    inWorld(async (world) => {
      await save(world, range(40, 50));
      const whole = await readFile(world.file);
      for (let length = 1; length < whole.length - 2; length += 11) {
        await writeFile(world.file, whole.subarray(0, length));
        world.logged.length = 0;
        const store = world.make();
        await store.open(signal);
        assert.equal(await store.last({ topic: 'posts', partition: 0 }), undefined);
        await store.close();
        assert.match(world.logged.join(), /moved aside/, `cut at ${length}`);
        const aside = (await readdir(dirname(world.file))).filter((n) => n.includes('.corrupt-'));
        assert.equal(aside.length, 1);
        const path = join(dirname(world.file), aside[0] ?? '');
        assert.deepEqual(await readFile(path), whole.subarray(0, length));
        await rm(path);
      }
    }));

  test('a file whose blocks were lost in a power cut is moved aside too', () =>
    inWorld(async (world) => {
      await save(world, range(40, 50));
      const { size } = await stat(world.file);
      await truncate(world.file, 0);
      await truncate(world.file, size);
      await save(world);
      assert.match(world.logged.join(), /moved aside/);
    }));

  test("a file that is somebody else's is refused and left as it is", () =>
    inWorld(async (world) => {
      const texts = [
        '# Notes\n',
        '{ "topic": "posts" }',
        '{ topic: posts }',
        '[1, 2]',
        'null',
        '"text"',
        '17',
        '{"version":2,"positions":{}}',
        '{"version":1}',
        '{"version":1,"positions":[]}',
        '{"version":1,"positions":{"t":{"posts":{"x":{}}}}}',
        position('{"lastBatch":{"start":"1","end":"5"},"next":"6"}'),
        position('{"lastBatch":{"start":1,"end":5},"next":5}'),
        position('{"lastBatch":{"start":"-1","end":"5"},"next":"5"}'),
        position('{"lastBatch":{"start":"5","end":"5"},"next":"5"}'),
        position('{"lastBatch":null,"next":"5"}'),
      ];
      for (const text of texts) {
        await put(world.file, text);
        await assert.rejects(
          world.make().open(signal),
          failsWith('POSITION_CORRUPT', /positions\.json/),
          text,
        );
        assert.equal(await readFile(world.file, 'utf8'), text);
        assert.deepEqual(
          await readdir(dirname(world.file)),
          ['positions.json'],
          'nothing stays locked',
        );
      }
    }));

  test('a directory in its place is refused', () =>
    inWorld(async (world) => {
      await mkdir(world.file, { recursive: true });
      await assert.rejects(
        world.make().open(signal),
        failsWith('POSITION_CORRUPT', /positions\.json.*directory/i),
      );
    }));

  test('a state directory that cannot be made or written is named', () =>
    inWorld(async (world) => {
      await writeFile(dirname(world.file), 'a file where the directory should be');
      await assert.rejects(
        world.make().open(signal),
        failsWith('POSITION_UNWRITABLE', /state\/positions\.json/),
      );
      await rm(dirname(world.file));
      await symlink('/proc/self/fdinfo', dirname(world.file));
      await assert.rejects(
        world.make().open(signal),
        failsWith('POSITION_UNWRITABLE', /positions\.json/),
      );
    }));

  test('a save that fails says so in that call, and the next one that succeeds holds everything', () =>
    inWorld(async (world) => {
      const store = world.make();
      await store.open(signal);
      await store.advance(range(0, 10));
      await blockSaves(world.file, async () => {
        const failing = [store.advance(range(10, 20)), store.advance(range(0, 7, 'posts', 1))];
        for (const one of failing) {
          await assert.rejects(one, failsWith('POSITION_UNWRITABLE', /positions\.json/));
        }
        await assert.rejects(store.advance(range(10, 20)), failsWith('POSITION_UNWRITABLE', /./));
      });
      await store.advance(range(20, 30));
      await store.close();
      const ends = (await readPositionFile(world.file)).map((one) => one.range.end);
      assert.deepEqual(ends, [30n, 7n]);
    }));

  test('what a writer that died left behind is swept, and nothing else', () =>
    inWorld(async (world) => {
      await save(world, range(0, 1));
      const directory = dirname(world.file);
      await writeFile(`${world.file}.tmp-4711-3`, '{"vers');
      await writeFile(join(directory, 'notes.txt'), '');
      await writeFile(join(directory, 'other.json.tmp-1-1'), '');
      await save(world);
      assert.deepEqual((await readdir(directory)).sort(), [
        'notes.txt',
        'other.json.tmp-1-1',
        'positions.json',
      ]);
    }));

  test('a thousand partitions that advance at once share a few writes', () =>
    inWorld(async (world) => {
      const store = world.make();
      await store.open(signal);
      const began = (await stat(world.file)).ino;
      const files = new Set([began]);
      const all = Array.from({ length: 1000 }, (_, partition) =>
        store.advance(range(5, 9, 'posts', partition)).then(async () => {
          files.add((await stat(world.file)).ino);
        }),
      );
      await Promise.all(all);
      assert.equal((await readPositionFile(world.file)).length, 1000);
      assert.ok(files.size <= 3, `${files.size} files written`);
      await store.close();
    }));

  test('rebuilding replaces the positions of one table, backwards too', () =>
    inWorld(async (world) => {
      await save(world, range(80, 90), range(0, 5, 'gone'));
      const other = world.make('archive.posts');
      await other.open(signal);
      await other.advance(range(0, 3));
      await other.close();
      const store = world.make();
      await store.open(signal);
      await store.replace([range(10, 20)]);
      await store.close();
      const saved = await readPositionFile(world.file);
      assert.deepEqual(
        saved.map((one) => [one.destination, one.range.topic, one.range.end]),
        [
          ['archive.posts', 'posts', 3n],
          ['default.posts', 'posts', 20n],
        ],
      );
    }));
});

/** A position file with one entry. */
function position(entry: string): string {
  return `{"version":1,"positions":{"default.posts":{"posts":{"0":${entry}}}}}`;
}

/** Makes every save fail while `run` runs: a directory that is not empty takes the file's place. */
async function blockSaves(file: string, run: () => Promise<void>): Promise<void> {
  await rm(file);
  await mkdir(join(file, 'in-the-way'), { recursive: true });
  await run();
  await rm(file, { recursive: true });
}
