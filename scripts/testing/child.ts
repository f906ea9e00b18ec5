// Runs a child process in a process group of its own, so that ending it ends everything it started.
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

export interface ChildOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Told every piece of standard output and standard error as it comes. */
  readonly onOutput: (text: string) => void;
  /** Aborting ends the whole group: SIGTERM, then SIGKILL after `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs?: number;
}

export interface ChildEnd {
  /** Exit code; undefined when a signal ended the process. */
  readonly code: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
}

const GRACE_MS = 10_000;
const GROUP_POLL_MS = 50;

/** Sends `name` to the process group led by `pid`; false when nothing of it is left. */
export function signalGroup(pid: number, name: NodeJS.Signals | 0): boolean {
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

/** Resolves when the process ended and nothing of its group is left. Rejects only when it cannot be started. */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildEnd> {
  options.signal.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', options.onOutput);
  }
  const graceMs = options.graceMs ?? GRACE_MS;
  let ending: Promise<void> | undefined;
  const end = () => {
    if (child.pid !== undefined) ending ??= endGroup(child.pid, graceMs);
  };
  options.signal.addEventListener('abort', end, { once: true });
  try {
    return await new Promise<ChildEnd>((resolve, reject) => {
      child.once('error', reject);
      // `exit`, not `close`: a grandchild that holds the pipes open must not keep us waiting.
      child.once('exit', (code, killedBy) =>
        resolve({ code: code ?? undefined, killedBy: killedBy ?? undefined }),
      );
    });
  } finally {
    end();
    await ending;
    options.signal.removeEventListener('abort', end);
  }
}
