#!/usr/bin/env node
// The program `kafka-hive`. Ties the command line to this process: streams, signals, and the faults nobody caught.
import { PipelineError, Stopping } from '../pipeline/errors.ts';
import { stopOnSignals } from '../pipeline/lifecycle.ts';
import type { Surroundings } from './context.ts';
import { EXIT_BUG } from './exit-codes.ts';
import { isDebug, run, tell } from './program.ts';

let stopping: AbortController | undefined;

const around: Surroundings = {
  env: process.env,
  directory: process.cwd(),
  stderr: process.stderr,
  out: (line) => {
    process.stdout.write(`${line}\n`);
  },
  listenForStop: (announce) => {
    stopping ??= stopOnSignals(announce);
    return stopping.signal;
  },
};

// A reader such as `head` that has enough is no fault: what runs comes to its end, and the rest is not printed.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  stopping?.abort(new Stopping('nobody reads standard output any more'));
});
// Nobody reads the log any more; the work is worth more than its log.
process.stderr.on('error', () => {});

for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    const debug = isDebug(process.argv.slice(2), process.env);
    const why = error instanceof Error ? `${error.name}: ${error.message}` : 'no error';
    tell(
      new PipelineError('BUG', `an error nobody waited for: ${why}`, {
        hint: 'Please report it; --log-level debug shows where it happened.',
        cause: error,
      }),
      around,
      debug,
    );
    process.exit(EXIT_BUG);
  });
}

const code = await run(process.argv.slice(2), around);
// Connections a failed command left open must not keep the process; what was printed must be out first.
await new Promise<void>((flushed) => process.stdout.write('', () => flushed()));
process.exit(code);
