// Runs one contender in a process of its own, so that its CPU time and peak memory are its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Measured {
  readonly records: number;
  /** Wall time from the first fetch to the last record done. */
  readonly ms: number;
  /** User and system time of the process in between, all threads. */
  readonly cpuMs: number;
  /** Peak resident set of the process, MiB. */
  readonly rssMb: number;
  /** Milliseconds HiveServer2 was waited for, where it was. */
  readonly hiveMs?: number;
}

/** Runs `contenders/<name>.ts` with `input` as its JSON file and returns what it prints. */
export async function runContender(name: string, input: unknown): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'kafka-hive-bench-'));
  try {
    const file = join(directory, 'input.json');
    writeFileSync(file, JSON.stringify(input));
    const script = join(import.meta.dirname, 'contenders', `${name}.ts`);
    const child = spawn(process.execPath, ['--import', 'tsx', script, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += chunk;
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`contender ${name} ended with code ${code}`);
    return JSON.parse(printed);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
