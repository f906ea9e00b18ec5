// How the Java programs of the stack are called: which java, which flags, which class path; and one-off programs.
import { join } from 'node:path';
import { systemClock } from '../pipeline/clock.ts';
import { PipelineError } from '../pipeline/errors.ts';
import {
  forgetProcess,
  killOnExit,
  logTail,
  type ProcessSpec,
  startProcess,
  stopProcess,
} from './process.ts';

/** Lines of a log that are attached to an error. */
const TAIL_LINES = 20;

/** `java` of JAVA_HOME when that is set, else the one of the PATH. */
export function javaCommand(): string {
  const home = process.env['JAVA_HOME'];
  return home ? join(home, 'bin', 'java') : 'java';
}

// Hadoop and Hive look into classes that Java 17 closes.
const OPEN_PACKAGES = [
  'java.base/java.lang',
  'java.base/java.lang.reflect',
  'java.base/java.io',
  'java.base/java.net',
  'java.base/java.nio',
  'java.base/java.text',
  'java.base/java.time',
  'java.base/java.util',
  'java.base/java.util.concurrent',
  'java.base/java.util.concurrent.atomic',
  'java.base/java.util.regex',
  'java.base/sun.nio.ch',
  'java.sql/java.sql',
];

export interface JavaProgram {
  readonly heap: string;
  /** Directories and jars, in order. */
  readonly classPath: readonly string[];
  readonly mainClass: string;
  readonly properties?: Readonly<Record<string, string>>;
  /** Further flags of the JVM. */
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
}

export function javaArgs(program: JavaProgram): string[] {
  const properties = {
    'file.encoding': 'UTF-8',
    'sun.jnu.encoding': 'UTF-8',
    'user.timezone': 'UTC',
    'java.net.preferIPv4Stack': 'true',
    ...program.properties,
  };
  return [
    `-Xmx${program.heap}`,
    '-XX:+UseSerialGC',
    // Only the quick compiler: measured, it halves the CPU seconds that every one of these programs needs to start.
    '-XX:TieredStopAtLevel=1',
    ...(program.flags ?? []),
    ...OPEN_PACKAGES.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
    ...Object.entries(properties).map(([key, value]) => `-D${key}=${value}`),
    '-cp',
    program.classPath.join(':'),
    program.mainClass,
    ...(program.args ?? []),
  ];
}

/** Runs a program to its end (formatting, schema). Throws STACK_START_FAILED with the end of its log. */
export async function runOnce(
  dataDir: string,
  what: string,
  spec: ProcessSpec,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const running = startProcess(dataDir, spec);
  const release = killOnExit(running.pid);
  let exit: { readonly code: number | undefined } | undefined;
  const exited = running.exited.then((code) => {
    exit = { code };
  });
  try {
    // Polled, because waiting for a detached program alone would not keep this process alive.
    while (!exit) await Promise.race([exited, systemClock.sleep(100, signal)]);
  } finally {
    release();
    await stopProcess(running, 0);
    forgetProcess(dataDir, spec.name);
  }
  if (exit.code !== 0) throw await startFailed(dataDir, spec.name, `${what} failed`);
}

/** STACK_START_FAILED with the last lines of the log of `name`. */
export async function startFailed(dataDir: string, name: string, what: string) {
  const tail = await logTail(dataDir, name, TAIL_LINES);
  const end =
    tail.length > 0 ? `; the end of its log:\n  ${tail.join('\n  ')}` : '; its log is empty';
  return new PipelineError('STACK_START_FAILED', `${what}${end}`, {
    hint: `The whole log is in ${join(dataDir, 'log', `${name}.log`)}; \`stack up\` tries again, \`stack wipe\` starts afresh.`,
    context: { process: name },
  });
}
