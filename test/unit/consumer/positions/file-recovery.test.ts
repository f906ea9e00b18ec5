// Position files that are missing, were cut or cannot be read or written, and what a dead writer left behind.
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { failsWith, inWorld, put, range, save, signal } from './file-world.ts';

describe('a position file that is not as it was left', () => {
  test('R03: a missing or an empty file starts afresh and says so', () =>
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

  test('R04: a file cut off anywhere is moved aside, and the store starts afresh', () =>
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
        position('{"lastBatch":{"start":"1","end":"5","attempt":"a"},"next":"6"}'),
        position('{"lastBatch":{"start":1,"end":5,"attempt":"a"},"next":5}'),
        position('{"lastBatch":{"start":"-1","end":"5","attempt":"a"},"next":"5"}'),
        position('{"lastBatch":{"start":"5","end":"5","attempt":"a"},"next":"5"}'),
        position('{"lastBatch":{"start":"1","end":"5","attempt":7},"next":"5"}'),
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

  test('a file of the first versions, without attempts, is a hint all the same', () =>
    inWorld(async (world) => {
      await put(world.file, position('{"lastBatch":{"start":"1","end":"5"},"next":"5"}'));
      const store = world.make();
      await store.open(signal);
      const of = { topic: 'posts', partition: 0 };
      assert.deepEqual(await store.last(of), { ...of, start: 1n, end: 5n, attempt: '' });
      await store.close();
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
});

/** A position file with one entry. */
function position(entry: string): string {
  return `{"version":1,"positions":{"default.posts":{"posts":{"0":${entry}}}}}`;
}
