// The local disk as a FileSystem: its law, and what a person is told when the disk refuses.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalFiles } from '../../../../clients/files/local.ts';
import { isCode, PipelineError } from '../../../../pipeline/errors.ts';
import { fileSystemContract } from '../../../contract/file-system.contract.ts';

const signal = new AbortController().signal;

fileSystemContract('a local directory', async () => {
  const root = await mkdtemp(join(tmpdir(), 'kh-files-'));
  return { files: new LocalFiles(), root, close: () => rm(root, { recursive: true }) };
});

describe('a local directory', () => {
  const files = new LocalFiles();
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'kh-local-'));
  });
  after(() => rm(root, { recursive: true }));

  test('a move that a crash cut between its two steps is finished by the next one', async () => {
    await writeFile(`${root}/from`, 'x');
    await link(`${root}/from`, `${root}/to`);
    assert.equal(await files.renameNoReplace(`${root}/from`, `${root}/to`, signal), 'moved');
    assert.ok(!(await readdir(root)).includes('from'));
  });

  test('a file that does not fit is told with its path, and no part of it is left', () => {
    // A limit on file sizes fails a write half way, as a full disk does, and needs no disk of its own.
    const script = `
      import { LocalFiles } from './clients/files/local.ts';
      const body = Buffer.alloc(1_000_000);
      new LocalFiles().create('${root}/target', body, new AbortController().signal)
        .then(() => console.log('written'), (error) => console.log(error.code, error.message));`;
    const child = spawnSync(
      'sh',
      [
        '-c',
        'ulimit -f 64; exec "$0" --import tsx --input-type=module -e "$1"',
        process.execPath,
        script,
      ],
      { encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
    );
    assert.match(
      child.stdout,
      /^FILES_REJECTED cannot write .*\/target: larger than/,
      child.stderr,
    );
    assert.equal(existsSync(`${root}/target`), false);
  });

  test('a directory is removed although another writer goes on putting files into it', async () => {
    const directory = `${root}/swept`;
    let isDone = false;
    const write = async (writer: number) => {
      for (let at = 0; !isDone; at += 1) {
        await mkdir(`${directory}/a`, { recursive: true }).catch(() => {});
        await writeFile(`${directory}/a/${writer}-${at}`, '').catch(() => {});
        // Now and then, as writers do; nobody could remove what is never left alone.
        if (at % 5 === 0) await delay(50);
      }
    };
    const writing = Promise.all([1, 2, 3, 4].map(write));
    try {
      for (let round = 0; round < 150; round += 1) {
        await files.remove(directory, signal);
        await delay(1);
      }
    } finally {
      isDone = true;
      await writing;
    }
  });

  test('a missing right names the path and what to do', async () => {
    const failure = files.create('/sys/kafka-hive/x', Buffer.from('x'), signal);
    await assert.rejects(failure, (error) => {
      assert.ok(error instanceof PipelineError);
      assert.equal(error.code, 'FILES_REJECTED');
      assert.match(error.message, /\/sys\/kafka-hive\/x/);
      assert.match(error.hint ?? '', /user may write/);
      return true;
    });
  });

  test('a directory that cannot be made is an error and no endless loop', async () => {
    const failure = files.makeDirectory('/proc/kafka-hive/a/b', signal);
    await assert.rejects(failure, (error) => isCode(error, 'FILES_REJECTED'));
  });
});
