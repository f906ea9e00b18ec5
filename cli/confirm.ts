// Asks the person at the terminal before something is done that cannot be taken back.
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

type Terminal<Stream> = Stream & { readonly isTTY?: boolean };

/** Resolves with whether `y` or `yes` was typed. Undefined where nobody can answer: both must be terminals. */
export function confirmOnTerminal(
  stdin: Terminal<Readable>,
  stderr: Terminal<Writable>,
  signal: AbortSignal,
): ((question: string) => Promise<boolean>) | undefined {
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  return async (question) => {
    stderr.write(`${question} [y/N] `);
    // Not as a terminal of readline's: Ctrl-C stays a signal to the process.
    const lines = createInterface({ input: stdin, terminal: false, signal });
    for await (const line of lines) return /^y(es)?$/i.test(line.trim());
    return false;
  };
}
