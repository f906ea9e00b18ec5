// The pinned jars of the stack: fetched by Maven once, compared with stack/artifacts.lock.json at every start.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PipelineError } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { COORDINATES } from './coordinates.ts';
import { runMaven } from './maven.ts';
import type { Service } from './node.ts';
import { pomXml } from './pom.ts';
import { processBegan } from './process.ts';

const FETCHING = '.fetch-';

/** Per artifact (`kafka-4.3.1`), per file below its directory. */
export type ArtifactLock = Readonly<Record<string, Readonly<Record<string, FileLock>>>>;
interface FileLock {
  readonly sha256: string;
  readonly size: number;
}

export interface ArtifactOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Where artifacts are kept; default `.stack/artifacts` beside package.json. */
  readonly home?: string;
}

/** The directory of package.json, from the sources as from dist/. */
function packageRoot(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json')) && dirname(at) !== at) at = dirname(at);
  return at;
}

export const lockFile = () => join(packageRoot(), 'stack', 'artifacts.lock.json');
export const artifactsHome = () => join(packageRoot(), '.stack', 'artifacts');
/** The directory and the key in the lock, e.g. `hive-4.0.1`. */
export const artifactName = (service: Service) => `${service}-${COORDINATES[service].version}`;

export interface Artifact {
  readonly directory: string;
  /** Absolute paths in a fixed order: the class path. */
  readonly jars: readonly string[];
}

/**
 * The artifact of a service, complete and unchanged. What is missing or differs is fetched, once.
 * Throws STACK_ARTIFACT naming the file, or STACK_PREREQUISITE.
 */
export async function ensureArtifact(
  service: Service,
  options: ArtifactOptions,
): Promise<Artifact> {
  const home = options.home ?? artifactsHome();
  const directory = join(home, artifactName(service));
  const locked = readLock()[artifactName(service)] ?? {};
  const problems = await differences(directory, locked);
  if (problems.length > 0) {
    if (existsSync(directory)) {
      options.log.warn(`${artifactName(service)}: ${summary(problems)}; fetching it again`);
    }
    await refetch(service, home, directory, locked, options);
  }
  const jars = Object.keys(locked).filter((file) => file.endsWith('.jar'));
  return { directory, jars: jars.map((file) => join(directory, file)) };
}

async function refetch(
  service: Service,
  home: string,
  directory: string,
  locked: Readonly<Record<string, FileLock>>,
  options: ArtifactOptions,
): Promise<void> {
  await sweep(home);
  const fresh = join(home, `${FETCHING}${service}-${process.pid}`);
  try {
    options.log.info(`${artifactName(service)} consists of ${size(locked)}`);
    await fetchArtifact(service, fresh, options);
    const problems = await differences(fresh, locked);
    if (problems.length > 0) throw unusable(service, problems);
    await settle(fresh, directory, locked);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * Gives `fresh`, which is complete, the name `directory`. Two starts may have fetched at the same time: what another one put
 * there is left alone when it is complete, because its servers run from it.
 */
export async function settle(
  fresh: string,
  directory: string,
  locked: Readonly<Record<string, FileLock>>,
): Promise<void> {
  const isComplete = async () => (await differences(directory, locked)).length === 0;
  const damaged = `${fresh}.damaged`;
  try {
    if (existsSync(directory)) {
      if (await isComplete()) return;
      await rename(directory, damaged);
      // Looking took a while: another start may have put a good one there meanwhile.
      if ((await differences(damaged, locked)).length === 0) {
        await rename(damaged, directory);
        return;
      }
    }
    await rename(fresh, directory);
  } catch (error) {
    if (!(await isComplete())) throw error;
  } finally {
    await rm(damaged, { recursive: true, force: true });
  }
}

/** Removes what fetches left behind that were killed. */
async function sweep(home: string): Promise<void> {
  await mkdir(home, { recursive: true });
  for (const name of await readdir(home)) {
    const pid = Number.parseInt(name.split('-').at(-1) ?? '', 10);
    if (name.startsWith(FETCHING) && processBegan(pid) === undefined) {
      await rm(join(home, name), { recursive: true, force: true });
    }
  }
}

function size(locked: Readonly<Record<string, FileLock>>): string {
  const files = Object.values(locked);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return `${files.length} files, ${(bytes / 1e6).toFixed(0)} MB`;
}

function unusable(service: Service, problems: readonly string[]): PipelineError {
  const file = problems[0]?.split(' ')[0]?.split('/').at(-1) ?? '';
  return new PipelineError('STACK_ARTIFACT', `${artifactName(service)}: ${summary(problems)}`, {
    hint: `Remove the bad download with \`find ~/.m2/repository -name '${file}' -delete\`, then run \`stack up\` again.`,
    context: { artifact: artifactName(service), file },
  });
}

function summary(problems: readonly string[]): string {
  const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
  return `${problems.slice(0, 3).join(', ')}${more}`;
}

/** Fetches into `fresh`: `lib/` with the jars, and for Hive `scripts/` with the SQL of the metastore. */
export async function fetchArtifact(
  service: Service,
  fresh: string,
  options: ArtifactOptions,
): Promise<void> {
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  const what = `${service} ${COORDINATES[service].version}`;
  options.log.info(`fetching ${what} with Maven`);
  const pom = join(fresh, 'pom.xml');
  await writeFile(pom, pomXml(service, COORDINATES[service]));
  await runMaven({ pom, out: fresh, what, ...options });
  await rm(pom);
  const unpacked = join(fresh, 'unpacked');
  if (existsSync(unpacked)) {
    const [archive = ''] = await readdir(unpacked);
    await rename(join(unpacked, archive, 'scripts'), join(fresh, 'scripts'));
    await rm(unpacked, { recursive: true });
  }
  await rm(join(fresh, 'markers'), { recursive: true, force: true });
}

function readLock(): ArtifactLock {
  try {
    return JSON.parse(readFileSync(lockFile(), 'utf8')) as ArtifactLock;
  } catch (error) {
    throw new PipelineError('STACK_ARTIFACT', 'stack/artifacts.lock.json cannot be read', {
      hint: 'It is part of this repository: `git checkout stack/artifacts.lock.json`.',
      cause: error,
    });
  }
}

async function lockOf(file: string): Promise<FileLock | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch {
    return undefined;
  }
  return { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length };
}

/** What `stack/artifacts.lock.json` should say about a fetched directory. */
export async function lockDirectory(directory: string): Promise<Record<string, FileLock>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const locked: Record<string, FileLock> = {};
  for (const file of files) {
    const lock = await lockOf(file);
    if (lock) locked[file.slice(directory.length + 1)] = lock;
  }
  return locked;
}

/** Files of the lock that are missing in `directory` or differ, as "lib/x.jar is missing". */
export async function differences(
  directory: string,
  locked: Readonly<Record<string, FileLock>>,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [file, expected] of Object.entries(locked)) {
    const found = await lockOf(join(directory, file));
    if (!found) problems.push(`${file} is missing`);
    else if (found.size !== expected.size) {
      problems.push(`${file} has ${found.size} bytes instead of ${expected.size}`);
    } else if (found.sha256 !== expected.sha256) problems.push(`${file} has another checksum`);
  }
  return problems;
}
