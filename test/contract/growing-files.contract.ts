// The law of files that grow by whole parts, run over the local disk and HDFS.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { FileSystem } from '../../clients/files/file-system.ts';
import type { GrowingFiles } from '../../clients/files/growing-files.ts';

export interface GrowthUnderTest {
  readonly files: FileSystem;
  readonly growing: GrowingFiles;
  /** A directory of this run's own. */
  readonly root: string;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

export function growingFilesContract(name: string, open: () => Promise<GrowthUnderTest>): void {
  describe(`${name} as growing files`, () => {
    let at: GrowthUnderTest;
    let counter = 0;
    before(async () => {
      at = await open();
    });
    after(() => at?.close());

    /** A location of its own, with a way to stage lines `{"n":...}` and to read what its file holds. */
    function location(file: string) {
      counter += 1;
      const directory = `${at.root}/case-${counter}/FR/Paris`;
      const target = `${directory}/${file}`;
      return {
        target,
        async stage(part: string, numbers: readonly number[]): Promise<string> {
          const lines = Buffer.from(numbers.map((n) => `{"n":${n}}\n`).join(''));
          const { body } = await at.growing.pack([lines], file.endsWith('.gz'));
          // On HDFS beside the file; a local disk takes it from anywhere.
          await at.files.create(`${directory}/_part+${part}`, body, signal);
          return `${directory}/_part+${part}`;
        },
        async numbers(): Promise<number[]> {
          const content = (await at.files.read(target, signal)) ?? Buffer.alloc(0);
          const plain = file.endsWith('.gz') ? gunzipSync(content) : content;
          const lines = plain.toString().split('\n');
          return lines.slice(0, -1).map((line) => JSON.parse(line).n);
        },
      };
    }

    for (const file of ['alerts.json', 'alerts.json.gz']) {
      test(`parts follow each other in ${file}, which is made with the first`, async () => {
        const paris = location(file);
        await at.growing.grow(await paris.stage('a', [1, 2]), paris.target, signal);
        assert.deepEqual(await paris.numbers(), [1, 2]);
        await at.growing.grow(await paris.stage('b', [3]), paris.target, signal);
        assert.deepEqual(await paris.numbers(), [1, 2, 3]);
        const left = await at.files.list(paris.target.replace(/\/[^/]*$/, ''), signal);
        assert.deepEqual(
          left?.map((entry) => entry.name),
          [file],
          'nothing else is left there',
        );
      });
    }

    test('a part is moved once, however often that is asked, and at once', async () => {
      const paris = location('alerts.json');
      const part = await paris.stage('a', [1]);
      const grow = () => at.growing.grow(part, paris.target, signal);
      await Promise.all([grow(), grow(), grow()]);
      await grow();
      assert.deepEqual(await paris.numbers(), [1]);
    });

    test('eight parts that come at once all stand in the file, each whole', async () => {
      const paris = location('alerts.json');
      const parts = Array.from({ length: 8 }, (_, index) => index);
      const staged = await Promise.all(
        parts.map((part) => paris.stage(`${part}`, [10 * part, 10 * part + 1])),
      );
      await Promise.all(staged.map((part) => at.growing.grow(part, paris.target, signal)));
      const numbers = await paris.numbers();
      assert.equal(numbers.length, 16);
      for (let index = 0; index < 16; index += 2) {
        assert.equal(numbers[index + 1], Number(numbers[index]) + 1);
      }
      assert.equal(new Set(numbers).size, 16);
    });

    test('a part that is not there changes nothing', async () => {
      const paris = location('alerts.json');
      await at.growing.grow(`${at.root}/nothing/a/0`, paris.target, signal);
      assert.equal(await at.files.status(paris.target, signal), undefined);
    });
  });
}
