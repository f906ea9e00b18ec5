// The lock of a JSON file: one holder at a time, and none after its process ended.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FileLock } from '../../../../clients/json-file/lock.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { isCode } from '../../../../pipeline/errors.ts';

const signal = new AbortController().signal;
const KIND = {
  name: 'position file',
  setting: 'positions.file',
  hints: { locked: '', damaged: '', unwritable: '' },
};
const take = (file: string) => FileLock.take(file, KIND, systemClock, signal);

async function inDirectory(run: (file: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lock-'));
  try {
    await run(join(directory, 'positions.json'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Starts a process that tries to take the lock of `file`; tells whether it got it, and keeps it then. */
async function contender(file: string): Promise<{ child: ChildProcess; held: boolean }> {
  const path = (name: string) =>
    JSON.stringify(new URL(`../../../../${name}`, import.meta.url).href);
  const source = `
    import { FileLock } from ${path('clients/json-file/lock.ts')};
    import { systemClock } from ${path('pipeline/clock.ts')};
    await FileLock.take(${JSON.stringify(file)}, ${JSON.stringify(KIND)}, systemClock, new AbortController().signal)
      .then(() => process.stdout.write('held'), () => process.exit(5));
    setInterval(() => {}, 1000);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', source];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const held = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    once(child, 'exit').then(() => false),
  ]);
  return { child, held };
}

/** Another process that holds the lock of `file` until it is killed. */
async function holder(file: string): Promise<ChildProcess> {
  const { child, held } = await contender(file);
  assert.ok(held);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('the lock of a file', () => {
  test('a second process is refused and told which process holds which file', () =>
    inDirectory(async (file) => {
      const child = await holder(file);
      try {
        await assert.rejects(take(file), (error) => {
          assert.ok(isCode(error, 'POSITION_LOCKED'));
          assert.match(error.message, new RegExp(`process ${child.pid} `));
          assert.ok(error.message.includes(file));
          return true;
        });
      } finally {
        await kill(child);
      }
    }));

  test('a frozen process still holds it; once killed with SIGKILL it is taken over at once', () =>
    inDirectory(async (file) => {
      const child = await holder(file);
      child.kill('SIGSTOP');
      await assert
        .rejects(take(file), (error) => isCode(error, 'POSITION_LOCKED'))
        .finally(() => kill(child));
      const lock = await take(file);
      await lock.check();
      await lock.release();
    }));

  test('the same process cannot take it twice, and can after releasing it', () =>
    inDirectory(async (file) => {
      const first = await take(file);
      await assert.rejects(take(file), /held by this process/);
      await first.check();
      await first.release();
      await (await take(file)).release();
    }));

  test('a process id that was given to another program since does not count', () =>
    inDirectory(async (file) => {
      const lock = await take(file);
      const [claim] = await readdir(join(file, '..'));
      await lock.release();
      assert.ok(claim);
      const reused = claim.replace(/\.\d+\.[^.]+$/, `.${process.ppid}.0-0`);
      await writeFile(join(file, '..', reused), '');
      await (await take(file)).release();
    }));

  test('a holder on another host counts as long as it shows that it lives', () =>
    inDirectory(async (file) => {
      const claim = `${file}.lock.elsewhere.example.1.0-12345`;
      await writeFile(claim, '');
      await assert.rejects(take(file), /process 1 on elsewhere\.example/);
      const past = new Date(Date.now() - 60_000);
      await utimes(claim, past, past);
      await (await take(file)).release();
    }));

  test('whose claim was removed finds out before it writes', () =>
    inDirectory(async (file) => {
      const lock = await take(file);
      for (const name of await readdir(join(file, '..'))) await rm(join(file, '..', name));
      await assert.rejects(lock.check(), (error) => isCode(error, 'POSITION_LOCKED'));
      await lock.release();
    }));

  test('of processes that start together at most one gets it', () =>
    inDirectory(async (file) => {
      const outcomes = await Promise.allSettled([0, 1].map(() => contender(file)));
      const held = outcomes.flatMap((o) =>
        o.status === 'fulfilled' && o.value.held ? [o.value] : [],
      );
      try {
        assert.ok(held.length <= 1, `${held.length} hold it`);
      } finally {
        await Promise.all(held.map(({ child }) => kill(child)));
      }
    }));
});
