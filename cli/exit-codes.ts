// What the process ends with, and how an error that ends it is told: one line, and one that says what to do.
import { CommanderError } from 'commander';
import { ERROR_CODES, PipelineError, Stopping } from '../pipeline/errors.ts';

export const EXIT_OK = 0;
const EXIT_USAGE = ERROR_CODES.USAGE.exit;
export const EXIT_BUG = ERROR_CODES.BUG.exit;

/** Zero for help, version and being told to stop; the exit code of its family for a PipelineError; 70 for the unknown. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Stopping) return EXIT_OK;
  if (error instanceof PipelineError) return error.exit;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  return EXIT_BUG;
}

/** The lines to print for an error; none for what is no error or what commander has already told. */
export function errorLines(error: unknown, debug: boolean): string[] {
  if (error instanceof Stopping || error instanceof CommanderError) return [];
  const known = error instanceof PipelineError;
  const code = known ? error.code : 'BUG';
  const message = error instanceof Error ? error.message : 'something was thrown that is no error';
  const [first = '', ...rest] = message.split('\n');
  const lines = [`error ${code}: ${first}`, ...rest.map((line) => `  ${line}`)];
  const hint = known ? error.hint : 'Please report it; --log-level debug shows where it happened.';
  if (hint) lines.push(`  hint: ${hint}`);
  if (debug && error instanceof Error) lines.push(...stackLines(error));
  return lines;
}

/** Where the error and its causes arose. Messages of causes may hold what a server said, so only debug shows them. */
function stackLines(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').slice(1);
  return error.cause instanceof Error
    ? [
        ...lines,
        `  caused by ${error.cause.name}: ${error.cause.message}`,
        ...stackLines(error.cause),
      ]
    : lines;
}
