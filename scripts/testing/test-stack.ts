// The one local stack a test run shares: on free ports, in a directory of its own that is gone afterwards.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, type Log } from '../../pipeline/log.ts';
import { up, wipe } from '../../stack/launch.ts';

const PREFIX = 'kafka-hive-test-';

export interface TestStack {
  /** Tells the tests where the servers stand (test/support/stack.ts). */
  readonly env: NodeJS.ProcessEnv;
  /** Stops everything and deletes its data. */
  close(): Promise<void>;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** Removes the stacks of test runs that were killed before they could. */
async function sweep(log: Log): Promise<void> {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length)) : 0;
    if (pid > 0 && !isAlive(pid)) await wipe({ dataDir: join(tmpdir(), name), log });
  }
}

/**
 * Starts the stack; one that KH_TEST_STACK names already is used as it is and left alone. Throws what `up` throws,
 * with nothing left behind.
 */
export async function startTestStack(signal: AbortSignal): Promise<TestStack> {
  if (process.env['KH_TEST_STACK']) return { env: {}, close: async () => {} };
  const log = createLog({ level: 'info', format: 'pretty', stream: process.stdout });
  await sweep(log);
  const dataDir = join(tmpdir(), `${PREFIX}${process.pid}`);
  const close = () => wipe({ dataDir, log });
  try {
    await up({ dataDir, ports: 'free', log, signal });
  } catch (error) {
    await close();
    throw error;
  }
  return { env: { KH_TEST_STACK: join(dataDir, 'endpoints.json') }, close };
}
