// The law of every FileSystem, run over the local disk, HDFS and the model's memory.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FileSystem } from '../../clients/files/file-system.ts';
import { isRetriable } from '../../pipeline/retry.ts';

export interface FileSystemUnderTest {
  readonly files: FileSystem;
  /** A directory of this run's own that exists and is empty. */
  readonly root: string;
  close(): Promise<void>;
}

const signal = new AbortController().signal;
const text = (content: Buffer | undefined) => content?.toString('utf8');

export function fileSystemContract(name: string, open: () => Promise<FileSystemUnderTest>): void {
  describe(`${name} as a FileSystem`, () => {
    let at: FileSystemUnderTest;
    let counter = 0;
    const fresh = () => {
      counter += 1;
      return `${at.root}/case-${counter}`;
    };
    const put = (path: string, content: string) =>
      at.files.create(path, Buffer.from(content), signal);

    before(async () => {
      at = await open();
    });
    after(() => at?.close());

    test('a created file is read back whole, below directories made for it', async () => {
      const path = `${fresh()}/a/b/file`;
      const content = randomBytes(100_000);
      await at.files.create(path, content, signal);
      assert.deepEqual(await at.files.read(path, signal), content);
      assert.deepEqual(await at.files.status(path, signal), { type: 'file', bytes: 100_000 });
    });

    test('a part of a file is read by its place, and less where the file ends', async () => {
      const path = `${fresh()}/parts`;
      await put(path, '0123456789');
      const part = async (offset: number, bytes: number) =>
        text(await at.files.read(path, signal, { offset, bytes }));
      assert.deepEqual(
        [await part(0, 4), await part(4, 4), await part(8, 4)],
        ['0123', '4567', '89'],
      );
      const missing = at.files.read(`${path}-none`, signal, { offset: 0, bytes: 1 });
      assert.equal(await missing, undefined);
    });

    test('an empty file is a file', async () => {
      const path = `${fresh()}/empty`;
      await at.files.create(path, Buffer.alloc(0), signal);
      assert.deepEqual(await at.files.read(path, signal), Buffer.alloc(0));
    });

    test('a file is created from a file of the local disk', async () => {
      const directory = await mkdtemp(join(tmpdir(), 'kh-body-'));
      const content = randomBytes(3_000_000);
      await writeFile(join(directory, 'body'), content);
      const path = `${fresh()}/streamed`;
      await at.files.create(path, { file: join(directory, 'body') }, signal);
      await rm(directory, { recursive: true });
      assert.ok(content.equals((await at.files.read(path, signal)) ?? Buffer.alloc(0)));
    });

    test('a create onto a taken path is refused for good and changes nothing', async () => {
      const path = `${fresh()}/taken`;
      await put(path, 'first');
      await assert.rejects(put(path, 'second'), (error) => !isRetriable(error));
      assert.equal(text(await at.files.read(path, signal)), 'first');
    });

    test('a rename moves a file and makes the directory of its new name', async () => {
      const base = fresh();
      await put(`${base}/from`, 'x');
      const outcome = await at.files.renameNoReplace(`${base}/from`, `${base}/new/dir/to`, signal);
      assert.equal(outcome, 'moved');
      assert.equal(await at.files.status(`${base}/from`, signal), undefined);
      assert.equal(text(await at.files.read(`${base}/new/dir/to`, signal)), 'x');
    });

    test('a rename onto a taken name is refused and changes neither file', async () => {
      const base = fresh();
      await put(`${base}/from`, 'new');
      await put(`${base}/to`, 'old');
      const outcome = await at.files.renameNoReplace(`${base}/from`, `${base}/to`, signal);
      assert.equal(outcome, 'target-exists');
      assert.equal(text(await at.files.read(`${base}/from`, signal)), 'new');
      assert.equal(text(await at.files.read(`${base}/to`, signal)), 'old');
    });

    test('a rename of nothing says so, whether or not the target stands', async () => {
      const base = fresh();
      await put(`${base}/there`, 'x');
      const rename = (to: string) =>
        at.files.renameNoReplace(`${base}/nothing`, `${base}/${to}`, signal);
      assert.equal(await rename('free'), 'source-missing');
      assert.equal(await rename('there'), 'source-missing');
      assert.equal(await rename('no/such/directory'), 'source-missing');
      assert.equal(await at.files.status(`${base}/free`, signal), undefined);
    });

    test('of eight writers that rename onto one name at once, one wins', async () => {
      const base = fresh();
      const writers = Array.from({ length: 8 }, (_, index) => index);
      await Promise.all(writers.map((index) => put(`${base}/${index}`, `${index}`)));
      const outcomes = await Promise.all(
        writers.map((index) =>
          at.files.renameNoReplace(`${base}/${index}`, `${base}/ledger/entry`, signal),
        ),
      );
      const winners = writers.filter((index) => outcomes[index] === 'moved');
      assert.equal(winners.length, 1, outcomes.join());
      assert.equal(text(await at.files.read(`${base}/ledger/entry`, signal)), `${winners[0]}`);
      assert.equal(outcomes.filter((outcome) => outcome === 'target-exists').length, 7);
    });

    test('two that make the same move at once leave one file, under the new name', async () => {
      const base = fresh();
      await put(`${base}/from`, 'x');
      const move = () => at.files.renameNoReplace(`${base}/from`, `${base}/to`, signal);
      const outcomes = await Promise.all([move(), move(), move()]);
      assert.ok(outcomes.includes('moved'), outcomes.join());
      assert.ok(!outcomes.includes('target-exists'), outcomes.join());
      assert.deepEqual(await at.files.list(base, signal), [{ name: 'to', type: 'file', bytes: 1 }]);
    });

    test('what does not exist is undefined, not an error', async () => {
      const base = fresh();
      assert.equal(await at.files.read(`${base}/x`, signal), undefined);
      assert.equal(await at.files.status(`${base}/x`, signal), undefined);
      assert.equal(await at.files.list(`${base}/x`, signal), undefined);
      await at.files.remove(`${base}/x`, signal);
    });

    test('a directory lists what it holds, and goes with all of it', async () => {
      const base = fresh();
      await put(`${base}/one`, 'xyz');
      await put(`${base}/sub/two`, '');
      const found = (await at.files.list(base, signal))?.sort((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(found, [
        { name: 'one', type: 'file', bytes: 3 },
        { name: 'sub', type: 'directory', bytes: 0 },
      ]);
      await at.files.remove(base, signal);
      assert.equal(await at.files.status(base, signal), undefined);
    });

    test('a directory may be made twice and is empty', async () => {
      const path = `${fresh()}/a/b`;
      await at.files.makeDirectory(path, signal);
      await at.files.makeDirectory(path, signal);
      assert.deepEqual(await at.files.list(path, signal), []);
    });

    test('names may hold anything but a slash and a colon', async () => {
      const base = fresh();
      for (const part of [
        'a b',
        '50%',
        '%2F',
        'x+y',
        'q?a=1&b=2#c',
        'ünïcödé',
        '数据',
        '😀',
        "it's",
      ]) {
        await put(`${base}/${part}/${part}`, part);
        const to = `${base}/${part}/moved ${part}`;
        assert.equal(
          await at.files.renameNoReplace(`${base}/${part}/${part}`, to, signal),
          'moved',
          part,
        );
        assert.equal(text(await at.files.read(to, signal)), part);
        const names = (await at.files.list(`${base}/${part}`, signal))?.map((entry) => entry.name);
        assert.deepEqual(names, [`moved ${part}`]);
      }
    });

    test('a path that leads through a file is refused for good', async () => {
      const base = fresh();
      await put(`${base}/file`, 'x');
      await assert.rejects(put(`${base}/file/below`, 'y'), (error) => !isRetriable(error));
    });

    test('an aborted signal rejects with its reason', async () => {
      const why = new Error('enough');
      const aborted = AbortSignal.abort(why);
      const path = `${fresh()}/never`;
      const rejects = (promise: Promise<unknown>) =>
        assert.rejects(promise, (error) => error === why);
      await rejects(at.files.create(path, Buffer.from('x'), aborted));
      await rejects(at.files.renameNoReplace(path, `${path}2`, aborted));
      await rejects(at.files.read(path, aborted));
      await rejects(at.files.status(path, aborted));
      await rejects(at.files.list(path, aborted));
      await rejects(at.files.makeDirectory(path, aborted));
      await rejects(at.files.remove(path, aborted));
      assert.equal(await at.files.status(path, signal), undefined);
    });
  });
}
