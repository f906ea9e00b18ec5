// Runs test files, each in a process of its own: a hung or crashed file is a failure with its name and harms no other.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChild } from '../child.ts';
import { type Counts, countFile, failed, sum } from './counts.ts';

export interface RunFilesOptions {
  readonly root: string;
  /** Files at the same time, from 1. */
  readonly concurrency: number;
  /** Milliseconds after which a file is ended and counted as failed. */
  readonly fileMsMax: number;
  readonly env: NodeJS.ProcessEnv;
  /** Gets the report as it grows; the output of files that run side by side is not mixed. */
  readonly write: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Lets one of several writers through at a time; the others' text waits until their turn. */
class TurnTaking {
  readonly #write: (text: string) => void;
  readonly #waiting: { text: string; closed: boolean }[] = [];

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  open(): { write(text: string): void; close(): void } {
    const own = { text: '', closed: false };
    this.#waiting.push(own);
    return {
      write: (text) => {
        own.text += text;
        this.#flush();
      },
      close: () => {
        own.closed = true;
        this.#flush();
      },
    };
  }

  #flush(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (first.text !== '') this.#write(first.text);
      first.text = '';
      if (!first.closed) return;
      this.#waiting.shift();
    }
  }
}

async function runFile(
  file: string,
  results: string,
  write: (text: string) => void,
  options: RunFilesOptions,
): Promise<Counts> {
  const reporter = join(options.root, 'scripts/testing/reporter.mjs');
  const timeout = AbortSignal.timeout(options.fileMsMax);
  writeFileSync(results, '');
  write(`${file}\n`);
  try {
    const end = await runChild(
      process.execPath,
      ['--import', 'tsx', '--enable-source-maps', `--test-reporter=${reporter}`, file],
      {
        cwd: options.root,
        env: { ...options.env, KH_TEST_RESULTS: results },
        onOutput: write,
        signal: AbortSignal.any([options.signal, timeout]),
        graceMs: 5000,
      },
    );
    const cutShort = timeout.aborted
      ? `no end after ${Math.round(options.fileMsMax / 1000)} s`
      : options.signal.aborted
        ? 'interrupted'
        : undefined;
    return countFile(file, readFileSync(results, 'utf8'), { code: end.code, cutShort });
  } catch (error) {
    return failed(file, 'the whole file', String(error));
  }
}

/** How many files the closing line of a suite names. */
const SLOWEST = 8;

/** `slowest: test/a.test.ts 41 s, …` */
function slowestLine(tookMs: ReadonlyMap<string, number>): string {
  const slowest = [...tookMs].sort((a, b) => b[1] - a[1]).slice(0, SLOWEST);
  const named = slowest.map(([file, ms]) => `${file} ${Math.round(ms / 1000)} s`);
  const total = [...tookMs.values()].reduce((all, ms) => all + ms, 0);
  return `slowest of ${Math.round(total / 1000)} s: ${named.join(', ')}\n`;
}

/** Runs all files and counts their tests. After an abort no further file is started. */
export async function runFiles(
  files: readonly string[],
  options: RunFilesOptions,
): Promise<Counts> {
  const scratch = mkdtempSync(join(tmpdir(), 'kafka-hive-results-'));
  const turns = new TurnTaking(options.write);
  const counts: Counts[] = [];
  const tookMs = new Map<string, number>();
  const queue = [...files.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next && !options.signal.aborted; next = queue.shift()) {
      const [index, file] = next;
      const turn = turns.open();
      const began = performance.now();
      counts.push(await runFile(file, join(scratch, `${index}.jsonl`), turn.write, options));
      tookMs.set(file, performance.now() - began);
      turn.close();
    }
  };
  try {
    await Promise.all(Array.from({ length: options.concurrency }, worker));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (tookMs.size > 1) options.write(slowestLine(tookMs));
  return sum(counts);
}
