// Brings one node up and down: starts it, waits until it serves, tells what it waits for, notices when it dies.
import { systemClock } from '../pipeline/clock.ts';
import { PipelineError } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { startFailed } from './java.ts';
import { fileName, type StackNode } from './node.ts';
import {
  findProcess,
  forgetProcess,
  isAlive,
  type Running,
  signalProcess,
  startProcess,
  stopProcess,
} from './process.ts';

const POLL_MS = 100;
/** A busy machine was seen to need 3 minutes; what has not come up after this never will. */
const START_MS = 15 * 60_000;

export interface StartOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Told the file name and the process of a node as soon as that exists. */
  readonly onStarted: (file: string, pid: number) => void;
  /** Told again and again what a node still misses; undefined when it serves. */
  readonly onMissing: (node: string, missing: string | undefined) => void;
}

/** Starts the node unless it runs, and resolves when it serves. */
export async function startNode(
  dataDir: string,
  node: StackNode,
  options: StartOptions,
): Promise<void> {
  const file = fileName(node.name);
  const began = systemClock.monotonic();
  let running = findProcess(dataDir, file);
  if (!running) {
    await node.prepare(options.signal);
    options.signal.throwIfAborted();
    running = startProcess(dataDir, node.process);
    options.onStarted(file, running.pid);
  }
  await untilServing(dataDir, node, running, options);
  const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(1);
  options.log.info(`${node.name} serves after ${seconds} s`);
}

async function untilServing(
  dataDir: string,
  node: StackNode,
  running: Running,
  options: StartOptions,
): Promise<void> {
  const deadline = systemClock.monotonic() + START_MS;
  for (;;) {
    options.signal.throwIfAborted();
    const missing = await node.missing();
    options.onMissing(node.name, missing);
    if (!isAlive(running)) {
      forgetProcess(dataDir, fileName(node.name));
      throw await startFailed(dataDir, fileName(node.name), `${node.name} ended while starting`);
    }
    if (missing === undefined) return;
    if (systemClock.monotonic() > deadline) {
      const what = `${node.name} does not serve after ${START_MS / 60_000} minutes, missing ${missing}`;
      throw await startFailed(dataDir, fileName(node.name), what);
    }
    await systemClock.sleep(POLL_MS, options.signal);
  }
}

/** Stops a process by the name of its pid file and forgets it; nothing happens when it is not running. */
export async function stopByName(dataDir: string, file: string, graceMs?: number): Promise<void> {
  const running = findProcess(dataDir, file);
  if (running) await stopProcess(running, graceMs);
  forgetProcess(dataDir, file);
}

/** Ends a node as a crash would, and resolves when it is gone. Throws USAGE when it is not running. */
export async function killNode(dataDir: string, name: string): Promise<void> {
  const running = runningNode(dataDir, name);
  signalProcess(running, 'SIGKILL');
  while (isAlive(running)) await systemClock.sleep(10);
}

/** Stops a node in order. */
export async function stopNode(dataDir: string, name: string): Promise<void> {
  await stopProcess(runningNode(dataDir, name));
  forgetProcess(dataDir, fileName(name));
}

/** Sends any signal to a node, e.g. SIGSTOP and SIGCONT. */
export function signalNode(dataDir: string, name: string, signal: NodeJS.Signals): void {
  signalProcess(runningNode(dataDir, name), signal);
}

/** Process id of a node, undefined when it is not running. */
export function nodePid(dataDir: string, name: string): number | undefined {
  return findProcess(dataDir, fileName(name))?.pid;
}

function runningNode(dataDir: string, name: string): Running {
  const running = findProcess(dataDir, fileName(name));
  if (running) return running;
  throw new PipelineError('USAGE', `"${name}" is not running in ${dataDir}`, {
    hint: '`stack status` lists what runs; `stack up` starts what is missing.',
  });
}
