// Programs that outlive the command that started them: own process group, pid file, log file, tail of the log.
// A pid file also holds the start time of the process, so that a recycled pid is never taken for ours.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../pipeline/clock.ts';

/** Bytes of a log kept in memory to find its last lines. */
const TAIL_BYTES = 64 * 1024;
const STOP_GRACE_MS = 15_000;

export interface ProcessSpec {
  /** Name of the pid file and the log file, e.g. `broker-1`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment of this process; undefined takes a variable away. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** A process that is known to be ours. */
export interface Running {
  readonly pid: number;
  /** The system's own notation of when the process began. */
  readonly began: string;
}

const pidFile = (dataDir: string, name: string) => join(dataDir, 'run', `${name}.pid`);
export const logFile = (dataDir: string, name: string) => join(dataDir, 'log', `${name}.log`);

/**
 * When process `pid` began, or undefined when there is none (a zombie counts as none: it holds nothing any
 * more, and in a container nobody may ever collect it).
 */
export function processBegan(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets and may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The first thread may be dead while others, about to die too, still hold the ports and the files.
    const isGone = fields[0] === 'Z' && Number(fields[17]) <= 1;
    return isGone ? undefined : fields[19];
  } catch {
    return existsSync('/proc/self/stat') ? undefined : 'unknown';
  }
}

/** The process of this pid file, or undefined when it is not running (any more). */
export function findProcess(dataDir: string, name: string): Running | undefined {
  let noted: Running;
  try {
    noted = JSON.parse(readFileSync(pidFile(dataDir, name), 'utf8')) as Running;
  } catch {
    return undefined;
  }
  return processBegan(noted.pid) === noted.began ? noted : undefined;
}

export function forgetProcess(dataDir: string, name: string): void {
  rmSync(pidFile(dataDir, name), { force: true });
}

export interface Started extends Running {
  /** The exit code; undefined when a signal ended it or it could not be started at all. */
  readonly exited: Promise<number | undefined>;
}

/** Starts the program detached; its output goes to the log file, the log of the start before is kept as `.old`. */
export function startProcess(dataDir: string, spec: ProcessSpec): Started {
  const log = logFile(dataDir, spec.name);
  if (existsSync(log)) renameSync(log, `${log}.old`);
  const output = openSync(log, 'a');
  let child: ChildProcess;
  try {
    child = spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: { ...process.env, ...spec.env },
      detached: true,
      stdio: ['ignore', output, output],
    });
  } finally {
    closeSync(output);
  }
  const exited = new Promise<number | undefined>((resolve) => {
    child.once('exit', (code) => resolve(code ?? undefined));
    // Without a listener a program that cannot be executed would end this process, too.
    child.once('error', () => resolve(undefined));
  });
  child.unref();
  const pid = child.pid ?? 0;
  const running = { pid, began: pid === 0 ? '' : (processBegan(pid) ?? '') };
  writeFileSync(pidFile(dataDir, spec.name), JSON.stringify(running));
  return { ...running, exited };
}

export function isAlive(running: Running): boolean {
  return running.pid > 0 && processBegan(running.pid) === running.began;
}

/** Sends a signal to a process group. Nothing happens when it is gone or never was (0). */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  // Group 0 would be our own.
  if (pid <= 0) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Ends the group of `pid` when this process leaves at once (a second Ctrl-C), so that a half-done start leaves
 * nothing behind. The returned function takes that back.
 */
export function killOnExit(pid: number): () => void {
  const kill = () => signalGroup(pid, 'SIGKILL');
  process.once('exit', kill);
  return () => process.off('exit', kill);
}

/** Sends a signal to the process and its children. Nothing happens when it is gone. */
export function signalProcess(running: Running, signal: NodeJS.Signals): void {
  if (isAlive(running)) signalGroup(running.pid, signal);
}

/** SIGTERM, after `graceMs` SIGKILL; resolves when the process is gone. */
export async function stopProcess(running: Running, graceMs = STOP_GRACE_MS): Promise<void> {
  signalProcess(running, 'SIGTERM');
  // A stopped process (SIGSTOP) hears SIGTERM only after SIGCONT.
  signalProcess(running, 'SIGCONT');
  const deadline = systemClock.monotonic() + graceMs;
  while (isAlive(running)) {
    if (systemClock.monotonic() > deadline) signalProcess(running, 'SIGKILL');
    await systemClock.sleep(20);
  }
}

/** The last `lines` lines of a log; empty when there is none. */
export async function logTail(dataDir: string, name: string, lines: number): Promise<string[]> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(logFile(dataDir, name), 'r');
  } catch {
    return [];
  }
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const text = buffer.subarray(0, bytesRead).toString('utf8');
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-lines);
  } finally {
    await file.close();
  }
}
