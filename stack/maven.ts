// Runs Maven for one pom and tells how far it is. The messages name jars and megabytes, no hosts and no paths.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { systemClock } from '../pipeline/clock.ts';
import { PipelineError } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { killOnExit, signalGroup } from './process.ts';

const PROGRESS_MS = 5000;
/** So long nothing may be downloaded (Maven reads poms first) before a line says that it still runs. */
const QUIET_MS = 10_000;
const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
const LAST_ERRORS = 5;

/** Bytes that a line of Maven's output says it has downloaded; undefined for any other line. */
export function downloadedBytes(line: string): number | undefined {
  const found = /Downloaded from [^ ]+: .*\(([\d.]+) (B|kB|MB|GB)(?: at|\))/.exec(line);
  return found ? Number(found[1]) * (UNITS[found[2] ?? 'B'] ?? 1) : undefined;
}

export interface MavenRun {
  readonly pom: string;
  /** Directory that the pom writes into. */
  readonly out: string;
  /** As the progress names it, e.g. `hive 4.0.1`. */
  readonly what: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Throws STACK_ARTIFACT with Maven's own words; STACK_PREREQUISITE when there is no Maven. */
export async function runMaven(run: MavenRun): Promise<void> {
  run.signal.throwIfAborted();
  const args = ['-B', '-f', run.pom, `-Dstack.out=${run.out}`, 'package'];
  const child = spawn('mvn', args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => {
    if (child.pid) signalGroup(child.pid, 'SIGKILL');
  };
  run.signal.addEventListener('abort', stop, { once: true });
  const release = killOnExit(child.pid ?? 0);
  const counts = { jars: 0, bytes: 0, told: 0, toldAt: systemClock.monotonic() };
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    const bytes = downloadedBytes(line);
    counts.bytes += bytes ?? 0;
    if (bytes !== undefined && /\.(jar|tar\.gz) \(/.test(line)) counts.jars += 1;
    if (line.startsWith('[ERROR]') && errors.length < LAST_ERRORS) errors.push(line.slice(8));
  });
  child.stderr.resume();
  const mb = () => (counts.bytes / 1e6).toFixed(1);
  const timer = setInterval(() => {
    const now = systemClock.monotonic();
    if (counts.bytes === counts.told && now - counts.toldAt < QUIET_MS) return;
    counts.told = counts.bytes;
    counts.toldAt = now;
    run.log.info(`downloading ${run.what}: ${counts.jars} jars, ${mb()} MB so far`);
  }, PROGRESS_MS);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    run.signal.throwIfAborted();
    if (code !== 0) throw failed(run.what, code, errors);
    run.log.info(
      `downloaded ${run.what}: ${counts.jars} jars, ${mb()} MB; the rest was in Maven's cache`,
    );
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? mavenMissing(error) : error;
  } finally {
    clearInterval(timer);
    release();
    run.signal.removeEventListener('abort', stop);
  }
}

function failed(what: string, code: number | null, errors: readonly string[]): PipelineError {
  return new PipelineError(
    'STACK_ARTIFACT',
    `Maven could not fetch ${what} (exit ${code}): ${errors.join(' ') || 'no message'}`,
    {
      hint: 'Check the network and the mirror or proxy in ~/.m2/settings.xml, then run `stack up` again.',
    },
  );
}

function mavenMissing(cause: unknown): PipelineError {
  return new PipelineError('STACK_PREREQUISITE', 'there is no `mvn` on the PATH', {
    hint: 'Install Maven, e.g. `sudo apt-get install -y maven`.',
    cause,
  });
}
