// The position file when its writer is killed at any moment, and on a disk that is full.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FilePositionStore, readPositionFile } from '../../consumer/positions/file.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';

const KILLS = 50;
const KILL_AFTER_MS_MAX = 120;
const CHILD = fileURLToPath(new URL('position-advancer.ts', import.meta.url));

async function inDirectory(run: (file: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'positions-crash-'));
  try {
    await run(join(directory, 'positions.json'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Runs the child; `lines` grows with what it says. */
function advancer(file: string, before: readonly string[] = []) {
  const command = [...before, process.execPath, '--import', 'tsx', CHILD, file];
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const closed = once(child, 'close');
  return { child, closed, lines: () => text.split('\n').slice(0, -1) };
}

async function firstWords(child: ChildProcess): Promise<void> {
  if (child.stdout) await once(child.stdout, 'data');
}

/** The highest position the child has said to be saved, by partition. */
function acknowledged(lines: readonly string[]): Map<number, bigint> {
  const found = new Map<number, bigint>();
  for (const line of lines) {
    const [partition, end] = line.split(':');
    if (end !== undefined) found.set(Number(partition), BigInt(end));
  }
  return found;
}

async function openAndClose(file: string): Promise<void> {
  const options = { file, destination: 'default.posts', log: silentLog, clock: systemClock };
  const store = new FilePositionStore(options);
  await store.open(new AbortController().signal);
  await store.close();
}

describe('the position file under SIGKILL', () => {
  test(`${KILLS} kills at random moments: never torn, never behind what was acknowledged, nothing left over`, () =>
    inDirectory(async (file) => {
      let saves = 0;
      for (let round = 0; round < KILLS; round += 1) {
        const { child, closed, lines } = advancer(file);
        await firstWords(child);
        // A random moment is what this test is about: the kill falls into any step of a save.
        await delay(Math.random() * KILL_AFTER_MS_MAX);
        child.kill('SIGKILL');
        await closed;
        const said = acknowledged(lines());
        saves += lines().length;
        const saved = new Map(
          (await readPositionFile(file)).map(({ range }) => [range.partition, range.end]),
        );
        for (const [partition, end] of said) {
          assert.ok((saved.get(partition) ?? 0n) >= end, `round ${round}: ${partition} is behind`);
        }
      }
      assert.ok(saves > KILLS * 4, `only ${saves} saves were interrupted`);
      await openAndClose(file);
      assert.deepEqual(await readdir(dirname(file)), ['positions.json']);
    }));
});

describe('the position file on a full disk', () => {
  test('the save that does not fit fails by name, and the old file is whole', () =>
    inDirectory(async (file) => {
      await openAndClose(file);
      const before = await readFile(file, 'utf8');
      const limited = ['bash', '-c', 'ulimit -f 8; trap "" XFSZ; exec "$@" 60', 'limited'];
      const { closed, lines } = advancer(file, limited);
      const [code] = await closed;
      assert.match(
        lines().at(-1) ?? '',
        /^error POSITION_UNWRITABLE cannot write the position file .*positions\.json: (EFBIG|ENOSPC)/,
      );
      assert.equal(code, 5);
      assert.equal(await readFile(file, 'utf8'), before);
      await openAndClose(file);
      assert.deepEqual(await readdir(dirname(file)), ['positions.json']);
    }));
});
