// Runs one contender in a process of its own, so that its CPU time and peak memory are its own, and compiled, as the
// package is installed: what runs TypeScript as it is takes memory, too.
import { execFileSync, spawn } from 'node:child_process';
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

const root = join(import.meta.dirname, '..');
/** Where tsconfig.bench.json has them compiled to. */
const compiled = join(root, '.bench/bench/contenders');
let isCompiled = false;

/** Runs `contenders/<name>.ts` with `input` as its JSON file and returns what it prints. */
export async function runContender(name: string, input: unknown): Promise<Measured> {
  if (!isCompiled) compile();
  const directory = mkdtempSync(join(tmpdir(), 'kafka-hive-bench-'));
  try {
    const file = join(directory, 'input.json');
    writeFileSync(file, JSON.stringify(input));
    const child = spawn(process.execPath, [join(compiled, `${name}.js`), file], {
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

function compile(): void {
  rmSync(join(root, '.bench'), { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.bench.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  isCompiled = true;
}
