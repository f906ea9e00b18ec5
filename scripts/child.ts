// Runs a child process in a process group of its own, so that ending it ends everything it started.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export interface ChildOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly onStdout: (text: string) => void;
  readonly onStderr: (text: string) => void;
  /** Aborting ends the whole group: SIGTERM, then SIGKILL after `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs?: number;
}

export interface ChildEnd {
  /** Exit code; undefined when a signal ended the process. */
  readonly code: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
}

export interface Child {
  readonly stdin: Writable;
  /** Sends a signal to the process group. */
  kill(name: NodeJS.Signals): void;
  /** Resolves when the process ended and nothing of its group is left. Rejects only when it could not be started. */
  readonly ended: Promise<ChildEnd>;
}

const GRACE_MS = 10_000;
const GROUP_POLL_MS = 50;
const LAST_WORDS_MS = 1000;

/** Sends `name` to the process group led by `pid`; false when nothing of it is left. */
function signalGroup(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, name);
    return true;
  } catch {
    return false;
  }
}

async function endGroup(pid: number, graceMs: number): Promise<void> {
  if (!signalGroup(pid, 'SIGTERM')) return;
  const deadline = performance.now() + graceMs;
  while (performance.now() < deadline) {
    if (!signalGroup(pid, 0)) return;
    await delay(GROUP_POLL_MS);
  }
  signalGroup(pid, 'SIGKILL');
}

/** Throws `signal.reason` when it has aborted already: nothing is started then. */
export function startChild(command: string, args: readonly string[], options: ChildOptions): Child {
  options.signal.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdout.setEncoding('utf8').on('data', options.onStdout);
  child.stderr.setEncoding('utf8').on('data', options.onStderr);
  // It may end before it has read what we write; its exit code says why.
  child.stdin.on('error', () => {});
  return {
    stdin: child.stdin,
    kill: (name) => {
      if (child.pid !== undefined) signalGroup(child.pid, name);
    },
    ended: waitForEnd(child, options),
  };
}

async function waitForEnd(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  { signal, graceMs = GRACE_MS }: ChildOptions,
): Promise<ChildEnd> {
  let ending: Promise<void> | undefined;
  const end = () => {
    if (child.pid !== undefined) ending ??= endGroup(child.pid, graceMs);
  };
  signal.addEventListener('abort', end, { once: true });
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    return await new Promise<ChildEnd>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, killedBy) =>
        resolve({ code: code ?? undefined, killedBy: killedBy ?? undefined }),
      );
    });
  } finally {
    end();
    await ending;
    signal.removeEventListener('abort', end);
    // What it said last is still on its way; somebody outside the group who holds the pipe must not keep us.
    await Promise.race([closed, delay(LAST_WORDS_MS, undefined, { ref: false })]);
  }
}

/** Runs a command without input to its end; `onOutput` is told everything it says. */
export function runChild(
  command: string,
  args: readonly string[],
  options: Omit<ChildOptions, 'onStdout' | 'onStderr'> & { onOutput: (text: string) => void },
): Promise<ChildEnd> {
  const { onOutput, ...rest } = options;
  const child = startChild(command, args, { ...rest, onStdout: onOutput, onStderr: onOutput });
  child.stdin.end();
  return child.ended;
}
