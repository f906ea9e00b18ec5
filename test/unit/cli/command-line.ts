// Runs the command line inside the test's process, in surroundings of its own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { run } from '../../../cli/program.ts';

export interface Outcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A working directory that goes with the test, empty unless the test writes into it. */
export function workingDirectory(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'kh-cli-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export async function kafkaHive(
  args: readonly string[],
  { env = {}, directory }: { env?: NodeJS.ProcessEnv; directory: string },
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const exit = await run(args, {
    env,
    directory,
    stderr: new Writable({
      write(chunk, _, done) {
        stderr += chunk;
        done();
      },
    }),
    out: (line) => {
      stdout += `${line}\n`;
    },
    listenForStop: () => new AbortController().signal,
  });
  return { exit, stdout, stderr };
}
