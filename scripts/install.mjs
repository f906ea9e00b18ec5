// Brings node_modules to what package-lock.json says, once. A stamp with the lock's hash is written last, so that an
// installation that was interrupted never looks complete.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const STAMP = 'node_modules/.kafka-hive-installed';
const LOCK = '.setup.lock';
const STOP_MS = 3000;

const read = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** What the stamp must hold: hash of the lock, and the platform the native packages were fetched for. */
function wanted(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const hash = createHash('sha256').update(lock).digest('hex');
  return `${hash} ${process.platform}-${process.arch}\n`;
}

export const isInstalled = (root) => read(join(root, STAMP)) === wanted(root);

/** Called when an installation is complete (by `npm ci` through `prepare` too). */
export function markInstalled(root) {
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(join(root, STAMP), wanted(root));
}

const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};

/** Two commands started side by side on a fresh clone: the second waits for the first. */
async function withLock(root, say, work) {
  const path = join(root, LOCK);
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const owner = Number(read(path));
      if (owner > 0 && !isAlive(owner)) rmSync(path, { force: true });
      else if (!told) say(`another process (${owner}) is installing npm packages, waiting for it`);
      told = true;
      await delay(300);
    }
  }
  try {
    await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Runs `npm ci` in a process group of its own: a signal to us is passed on to all of it, and we wait for its end. */
async function npmCi(root, say) {
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=warn'];
  const child = spawn(npm ? process.execPath : 'npm', npm ? [npm, ...args] : args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  let stopped;
  const stop = (signal) => {
    stopped ??= signal;
    kill('SIGTERM');
    setTimeout(() => kill('SIGKILL'), STOP_MS).unref();
  };
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const name of names) process.on(name, stop);
  const began = Date.now();
  const beat = setInterval(
    () => say(`npm packages: still installing, ${Math.round((Date.now() - began) / 1000)} s`),
    10_000,
  );
  try {
    const code = await ended;
    kill('SIGKILL');
    return { code, stopped };
  } finally {
    clearInterval(beat);
    for (const name of names) process.off(name, stop);
  }
}

/** Resolves to 0 when everything is installed, else to the exit code to leave with. */
export async function install(root, say) {
  if (isInstalled(root)) return 0;
  let exit = 0;
  await withLock(root, say, async () => {
    if (isInstalled(root)) return;
    say('npm packages: installing what package-lock.json names (once)');
    rmSync(join(root, STAMP), { force: true });
    const began = Date.now();
    const { code, stopped } = await npmCi(root, say);
    if (stopped) {
      say(`npm packages: stopped by ${stopped}; the next run starts the installation again`);
      exit = 130;
    } else if (code !== 0) {
      say(
        'npm packages: `npm ci` failed, see its words above. Is the network or the proxy in order?',
      );
      exit = 6;
    } else {
      markInstalled(root);
      say(`npm packages: done in ${Math.round((Date.now() - began) / 1000)} s`);
    }
  });
  return exit;
}
