// The position file: what it keeps, for whom, and how many at a time write it.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { resume } from '../../../../consumer/chain.ts';
import { FilePositionStore, readPositionFile } from '../../../../consumer/positions/file.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { positionStoreContract } from '../../../contract/position-store.contract.ts';
import { chainOf } from '../../../support/memory-ledger.ts';
import { failsWith, inWorld, range, save, signal } from './file-world.ts';

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
      assert.deepEqual(entry.lastBatch, { start: '40', end: '50', attempt: '40-50' });
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

  test('a position left from an earlier table of the same name does not keep the new batch from being placed', () =>
    inWorld(async (world) => {
      await save(world, { ...range(0, 10), attempt: 'of-the-table-before' });
      const store = world.make();
      await store.open(signal);
      const of = { topic: 'posts', partition: 0 };
      const placed: bigint[] = [];
      const parts = {
        hints: [(await store.last(of)) ?? []].flat(),
        wishedOrigin: async () => 0n,
        place: async ({ start }: { start: bigint }) => void placed.push(start),
        log: silentLog,
      };
      const { position } = await resume(await chainOf(of, [0, 10]), of, parts, signal);
      assert.deepEqual([position, placed], [10n, [0n]]);
      await store.close();
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

/** Makes every save fail while `run` runs: a directory that is not empty takes the file's place. */
async function blockSaves(file: string, run: () => Promise<void>): Promise<void> {
  await rm(file);
  await mkdir(join(file, 'in-the-way'), { recursive: true });
  await run();
  await rm(file, { recursive: true });
}
