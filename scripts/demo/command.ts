// Runs the real command line as a child process, as a user would type it, and follows its log.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deferred } from '../../pipeline/retry.ts';
import { type Child, startChild } from '../child.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const TAIL_LINES = 12;

/** Settings in the user's environment are meant for the user's own servers. */
const OWN_ENV = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(KH_|KAFKA_|HDFS_|CONSUMER_TIMEOUT_MS$|MAX_POLL_RECORDS$)/.test(name),
  ),
);

/** One line of the command's log; `message` and whatever else it carries. */
export type LogEntry = Readonly<Record<string, unknown>> & { readonly message: string };

export interface Running {
  readonly child: Child;
  /** Resolves with standard output when the command ended with exit code 0; rejects with what it said otherwise. */
  readonly done: Promise<string>;
  /** What it has printed on standard output so far. */
  stdout(): string;
  /** Resolves with the first log entry for which `matches` is true; rejects when the command ends before. */
  until(matches: (entry: LogEntry) => boolean): Promise<void>;
}

export interface CommandOptions {
  readonly signal: AbortSignal;
  /** Told every line of the log. */
  readonly onLog?: (entry: LogEntry) => void;
}

/** Splits what comes in pieces into whole lines. */
function lineSplitter(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line !== '') onLine(line);
  };
}

const running = new Set<Promise<unknown>>();

/** Resolves when every command that was started has ended. */
export async function commandsEnded(): Promise<void> {
  await Promise.allSettled(running);
}

/** `kafka-hive <args>` from the sources, with its log as JSON lines. */
export function startCommand(args: readonly string[], options: CommandOptions): Running {
  const waiting = new Set<{ matches: (entry: LogEntry) => boolean; found: () => void }>();
  const tail: string[] = [];
  let stdout = '';
  const onLine = (line: string) => {
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    if (!line.startsWith('{')) return;
    const entry = JSON.parse(line) as LogEntry;
    options.onLog?.(entry);
    for (const one of waiting) if (one.matches(entry)) one.found();
  };
  const child = startChild(
    process.execPath,
    ['--import', 'tsx', 'cli/main.ts', ...args, '--log-format', 'json'],
    {
      cwd: root,
      env: OWN_ENV,
      signal: options.signal,
      graceMs: 5000,
      onStdout: (text) => {
        stdout += text;
      },
      onStderr: lineSplitter(onLine),
    },
  );
  const done = child.ended.then(({ code, killedBy }) => {
    options.signal.throwIfAborted();
    if (code === 0) return stdout;
    const how = killedBy ?? `exit code ${code}`;
    throw new Error(`kafka-hive ${args[0]} ended with ${how}:\n${tail.join('\n')}`);
  });
  // Who does not wait for the end is told by `until`.
  const settled = done.catch(() => {}).finally(() => running.delete(settled));
  running.add(settled);
  return {
    child,
    done,
    stdout: () => stdout,
    until: async (matches) => {
      const found = deferred<void>();
      const one = { matches, found: () => found.resolve() };
      waiting.add(one);
      try {
        const early = done.then(() => {
          throw new Error(`kafka-hive ${args[0]} ended early:\n${tail.join('\n')}`);
        });
        await Promise.race([found.promise, early]);
      } finally {
        waiting.delete(one);
      }
    },
  };
}
