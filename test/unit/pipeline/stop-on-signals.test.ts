// Stopping on signals, in a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const lifecycle = pathToFileURL(join(root, 'pipeline/lifecycle.ts'));

/** A process that, once told to stop, takes `ms` to end with exit code 0. */
async function slowToStop(t: TestContext, ms: number) {
  const code = `
    const { stopOnSignals } = await import('${lifecycle}');
    const { signal } = stopOnSignals((message) => console.log(message));
    const hold = setInterval(() => {}, 1000);
    signal.addEventListener('abort', () => setTimeout(() => clearInterval(hold), ${ms}));
    console.log('ready');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  return { child, ended };
}

test('the first signal lets the process finish', async (t) => {
  const { child, ended } = await slowToStop(t, 10);
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

test('a signal that npm passes on at once is the same press of Ctrl-C', async (t) => {
  const { child, ended } = await slowToStop(t, 1000);
  child.kill('SIGINT');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  assert.deepEqual(await ended, [0, null]);
});

test('a second press ends the process at once', async (t) => {
  const { child, ended } = await slowToStop(t, 60_000);
  child.kill('SIGINT');
  await once(child.stdout, 'data');
  // The time that tells two presses from one is what is tested here.
  await delay(700);
  child.kill('SIGINT');
  assert.deepEqual(await ended, [130, null]);
});
