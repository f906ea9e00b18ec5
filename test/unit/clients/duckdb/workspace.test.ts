// The directory of the encoder on this machine: what a killed process leaves there, and disks that are full.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RowEncoder } from '../../../../clients/duckdb/row-encoder.ts';
import { tableOf } from './encoding.ts';

const SCRIPT = fileURLToPath(new URL('./encoder-process.ts', import.meta.url));

async function firstLine(child: ChildProcess): Promise<string> {
  assert.ok(child.stdout);
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the process wrote nothing');
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'workspace-test-'));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

const open = (directory: string) =>
  RowEncoder.open({
    table: tableOf([{ name: 'c', type: 'string', path: 'a' }]),
    valueFormat: 'json',
    tombstones: 'skip',
    directory,
  });

test('what a killed process left is swept when the next encoder opens, and not before it died', () =>
  inDirectory(async (directory) => {
    const child = spawn(process.execPath, ['--import', 'tsx', SCRIPT, directory, '10']);
    assert.equal(await firstLine(child), 'encoded 10');
    await (await open(directory)).close();
    assert.equal((await readdir(directory)).length, 1, 'the files of a living process stay');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal((await readdir(directory)).length, 1);
    await (await open(directory)).close();
    assert.deepEqual(await readdir(directory), []);
  }));

for (const [what, blocks, format] of [
  ['the lines', 64, 'parquet'],
  ['the output', 250, 'json'],
] as const)
  test(`a disk that is full for ${what} is FILES_REJECTED with the path`, () =>
    inDirectory(async (directory) => {
      // A limit on the size of files stands in for the full disk: write() fails just so. The lines take 120 kB, the output 400 kB.
      const command = `ulimit -f ${blocks}; exec "$0" "$@"`;
      const args = ['--import', 'tsx', SCRIPT, directory, '3000', format];
      const child = spawn('bash', ['-c', command, process.execPath, ...args]);
      try {
        const line = await firstLine(child);
        assert.match(line, /^FILES_REJECTED /);
        assert.ok(line.includes(directory), line);
      } finally {
        child.stdin?.end();
        await once(child, 'exit');
      }
    }));
