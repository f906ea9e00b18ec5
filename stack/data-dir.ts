// What a data directory remembers: which version made it, its ports and its size. And who is at work in it.
import { readFileSync } from 'node:fs';
import { access, constants, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { PipelineError } from '../pipeline/errors.ts';
import { DEFAULT_PORTS, freePorts, type StackPorts } from './ports.ts';
import { processBegan } from './process.ts';

/** Raise when a data directory of the version before cannot be started any more. */
const DATA_VERSION = 1;

export interface StackState {
  readonly version: number;
  readonly ports: StackPorts;
  readonly brokers: 1 | 3;
  readonly dataNodes: number;
  /** Properties of hive-site.xml that were asked for. */
  readonly hiveSite: Readonly<Record<string, string>>;
}

const stateFile = (dataDir: string) => join(dataDir, 'stack.json');

/** Undefined for a directory no stack was started in. Throws STACK_DATA_VERSION for another version's. */
export async function readState(dataDir: string): Promise<StackState | undefined> {
  let text: string;
  try {
    text = await readFile(stateFile(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(dataDir, 'cannot be read', error);
  }
  let state: Partial<StackState>;
  try {
    state = JSON.parse(text) as Partial<StackState>;
  } catch (error) {
    throw unusable(dataDir, 'holds a stack.json that is not JSON', error);
  }
  if (state.version !== DATA_VERSION) {
    throw unusable(dataDir, `was made by version ${state.version}; this is ${DATA_VERSION}`);
  }
  return state as StackState;
}

function unusable(dataDir: string, why: string, cause?: unknown): PipelineError {
  return new PipelineError('STACK_DATA_VERSION', `the data directory ${dataDir} ${why}`, {
    hint: '`stack wipe` deletes its data (topics, tables and files of the local stack); or name another `--data-dir`.',
    context: { dataDir },
    cause,
  });
}

export interface Wanted {
  readonly brokers?: 1 | 3;
  readonly dataNodes?: 1 | 2 | 3;
  readonly ports: 'default' | 'free';
  readonly hiveSite?: Readonly<Record<string, string>>;
}

/** The state of the directory, made when there is none. Ports stay as they were: files in it name them. */
export async function openState(dataDir: string, wanted: Wanted): Promise<StackState> {
  await mkdir(join(dataDir, 'run'), { recursive: true });
  await mkdir(join(dataDir, 'log'), { recursive: true });
  const found = await readState(dataDir);
  if (found && wanted.brokers !== undefined && wanted.brokers !== found.brokers) {
    throw new PipelineError(
      'USAGE',
      `${dataDir} was made for ${found.brokers} broker(s), not for ${wanted.brokers}`,
      { hint: 'Run `stack wipe` first, or name another `--data-dir`.' },
    );
  }
  const state: StackState = {
    version: DATA_VERSION,
    ports: found?.ports ?? (wanted.ports === 'free' ? await freePorts() : DEFAULT_PORTS),
    brokers: found?.brokers ?? wanted.brokers ?? 1,
    dataNodes: wanted.dataNodes ?? found?.dataNodes ?? 1,
    hiveSite: wanted.hiveSite ?? found?.hiveSite ?? {},
  };
  // Nodes that are started at the same time must not meet in writing what stands there already.
  if (!isDeepStrictEqual(found, state)) await writeWhole(stateFile(dataDir), state);
  return state;
}

/** Writes JSON that is there whole or not at all. */
export async function writeWhole(file: string, value: unknown): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(value, undefined, 2)}\n`);
  await rename(`${file}.new`, file);
}

/**
 * Runs `work` while no other `stack up|down|wipe` works in this directory. Throws STACK_START_FAILED naming
 * the process that does. The lock of a process that died is taken over.
 */
export async function exclusively<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  await writable(dataDir);
  const file = join(dataDir, 'lock');
  const ours = `${file}.${process.pid}`;
  // Written first and linked then, so that nobody ever reads half a lock.
  await writeFile(ours, JSON.stringify({ pid: process.pid, began: processBegan(process.pid) }));
  try {
    while (!(await linked(ours, file))) {
      const holder = lockHolder(file);
      if (holder !== undefined) throw busy(dataDir, holder);
      await rm(file, { force: true });
    }
  } finally {
    await rm(ours, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The living process that holds the lock. */
function lockHolder(file: string): number | undefined {
  try {
    const { pid, began } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; began: string };
    return processBegan(pid) === began ? pid : undefined;
  } catch {
    return undefined;
  }
}

function busy(dataDir: string, pid: number): PipelineError {
  return new PipelineError(
    'STACK_START_FAILED',
    `another stack command (pid ${pid}) is at work in ${dataDir}`,
    { hint: 'Wait until it has ended, or stop it with Ctrl-C.', context: { dataDir, pid } },
  );
}

async function writable(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true });
    await access(dataDir, constants.W_OK);
  } catch (error) {
    throw new PipelineError('STACK_START_FAILED', `${dataDir} cannot be written`, {
      hint: 'Name a directory you may write with `--data-dir`.',
      context: { dataDir },
      cause: error,
    });
  }
}
