// Asks HiveServer2 by SQL through Apache's own JDBC driver: a reader that shares no line with this program.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PipelineError } from '../pipeline/errors.ts';
import { type ArtifactOptions, ensureArtifact } from './artifacts.ts';
import { javaArgs, javaCommand } from './java.ts';
import type { StackEndpoints } from './layout.ts';

const run = promisify(execFile);
const OUTPUT_MAX = 256 * 1024 * 1024;

export interface SqlOptions extends ArtifactOptions {
  readonly hive: StackEndpoints['hive'];
  readonly format: 'table' | 'csv' | 'json';
  /** Default `hive`. */
  readonly user?: string;
}

/**
 * Runs one statement and returns what sqlline prints of its result. Needs no running node of ours but HiveServer2.
 * Wide columns are cut in a table only. Throws HIVE_REJECTED with
 * the server's words, HIVE_UNAVAILABLE when it does not answer.
 */
export async function runSql(statement: string, options: SqlOptions): Promise<string> {
  const { jars } = await ensureArtifact('hive', options);
  const { host, port } = options.hive;
  const args = javaArgs({
    heap: '512m',
    classPath: jars,
    mainClass: 'sqlline.SqlLine',
    properties: { 'org.jline.terminal.dumb': 'true' },
    args: [
      ...['-d', 'org.apache.hive.jdbc.HiveDriver', '-u', `jdbc:hive2://${host}:${port}/default`],
      ...['-n', options.user ?? 'hive', '-p', ''],
      ...['--silent=true', '--showWarnings=false', `--outputFormat=${options.format}`],
      ...['--maxWidth=200', '--maxColumnWidth=60', '-e', statement],
    ],
  });
  try {
    const { signal } = options;
    const { stdout, stderr } = await run(javaCommand(), args, { signal, maxBuffer: OUTPUT_MAX });
    // sqlline exits with 0 even when the statement failed.
    const refused = errorLine(stderr);
    if (refused !== undefined) throw failed(refused);
    return stdout;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof PipelineError) throw error;
    throw failed(errorLine((error as { stderr?: string }).stderr ?? '') ?? 'no message', error);
  }
}

const errorLine = (stderr: string) =>
  stderr
    .split('\n')
    .find((line) => line.startsWith('Error:'))
    ?.slice(7);

function failed(words: string, cause?: unknown): PipelineError {
  if (words.startsWith('Could not open')) {
    return new PipelineError('HIVE_UNAVAILABLE', `HiveServer2 does not answer: ${words}`, {
      hint: '`stack status` shows what runs, `stack up` starts what is missing.',
      cause,
    });
  }
  return new PipelineError('HIVE_REJECTED', `HiveServer2 refused: ${words}`, {
    hint: '`stack logs hive` shows more.',
    cause,
  });
}
