// The records below a base path, `<base>/<country code>/<city>/*.json(.gz)`, as local files for DuckDB: those of this machine
// where they lie, those of HDFS fetched in groups, so that only one group lies on the local disk at a time.
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { filesRejected } from '../clients/duckdb/workspace.ts';
import type { FileSystem } from '../clients/files/file-system.ts';
import { LocalFiles } from '../clients/files/local.ts';
import { openLocation } from '../clients/files/location.ts';
import type { Config } from '../params/schema.ts';
import { describe, PipelineError } from '../pipeline/errors.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import { withRetry } from '../pipeline/retry.ts';

/** What every input of a report reads with. */
export interface Reading extends CommandDeps {
  /** Where it may put files for a while. */
  readonly directory: string;
}

interface TreeFile {
  /** `FR/Paris/alerts.json` */
  readonly name: string;
  readonly bytes: number;
}

const GROUP_FILES_MAX = 500;
const GROUP_BYTES_MAX = 128 * 1024 * 1024;
const PART_BYTES = 16 * 1024 * 1024;
const LISTED_AT_ONCE = 16;
const RETRY = { delayMs: 500, delayMsMax: 5000, deadlineMs: 60_000 };

/**
 * Hands the files to `onFiles` in groups; a group is done with when it resolves. Names that begin with `_` or `.` are left
 * alone, as Hive does. Throws REPORT_INPUT when there is no such directory, and what the file system throws.
 */
export async function readTree(
  base: string,
  hdfs: Config['hdfs'],
  reading: Reading,
  onFiles: (paths: readonly string[]) => Promise<void>,
): Promise<void> {
  const { files, path } = openLocation(base, hdfs);
  try {
    for (const group of groups(await listTree(files, path, reading))) {
      const isLocal = files instanceof LocalFiles;
      const root = isLocal ? path : join(reading.directory, 'copies');
      for (const file of group) {
        if (!isLocal) await fetchFile(files, path, file, root, reading);
        if (file.name.endsWith('.gz')) await checkGzip(join(root, file.name), reading.signal);
      }
      await onFiles(group.map(({ name }) => join(root, name)));
      if (!isLocal) await rm(root, { recursive: true });
    }
  } finally {
    files.close();
  }
}

async function listTree(files: FileSystem, base: string, deps: Reading): Promise<TreeFile[]> {
  const list = (name: string) =>
    withRetry(() => files.list(join(base, name), deps.signal), RETRY, deps.clock, deps.signal);
  const countries = await list('');
  if (countries === undefined)
    throw new PipelineError('REPORT_INPUT', `there is no directory ${base}`, {
      hint: 'Name the base path that hdfs-consumer writes to: it holds <country code>/<city>/alerts.json.',
      context: { path: base },
    });
  const below = async (parents: readonly string[], type: 'file' | 'directory') => {
    const found: TreeFile[] = [];
    for (let at = 0; at < parents.length; at += LISTED_AT_ONCE) {
      const some = parents.slice(at, at + LISTED_AT_ONCE);
      const lists = await Promise.all(some.map(list));
      for (const [index, entries] of lists.entries())
        for (const entry of entries ?? [])
          if (entry.type === type && isVisible(entry.name))
            found.push({ name: `${some[index]}/${entry.name}`, bytes: entry.bytes });
    }
    return found;
  };
  const top = countries.filter(({ name, type }) => type === 'directory' && isVisible(name));
  const cities = await below(
    top.map(({ name }) => name),
    'directory',
  );
  const all = await below(
    cities.map(({ name }) => name),
    'file',
  );
  return all.filter(({ name, bytes }) => bytes > 0 && /\.json(\.gz)?$/.test(name));
}

const isVisible = (name: string): boolean => !/^[._]/.test(name);

function* groups(files: readonly TreeFile[]): Generator<readonly TreeFile[]> {
  let group: TreeFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (group.length === GROUP_FILES_MAX || (bytes > 0 && bytes + file.bytes > GROUP_BYTES_MAX)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(file);
    bytes += file.bytes;
  }
  if (group.length > 0) yield group;
}

/** A file grows by whole parts, so its length when it was listed ends a line, and what comes later is left out. */
async function fetchFile(
  files: FileSystem,
  base: string,
  { name, bytes }: TreeFile,
  copies: string,
  { clock, signal }: Reading,
): Promise<void> {
  const from = join(base, name);
  const to = join(copies, name);
  for (let offset = 0; offset < bytes; ) {
    const range = { offset, bytes: Math.min(PART_BYTES, bytes - offset) };
    const read = () => files.read(from, signal, range);
    const part = await withRetry(read, RETRY, clock, signal);
    if (part === undefined || part.length === 0)
      throw new PipelineError('REPORT_INPUT', `${from} was taken away while it was read`, {
        hint: 'Ask for the report again.',
        context: { path: from },
      });
    await append(to, part);
    offset += part.length;
  }
}

async function append(to: string, part: Buffer): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true });
    await appendFile(to, part);
  } catch (error) {
    throw filesRejected(to, error);
  }
}

/** DuckDB takes a torn gzip file for one that ends there. */
async function checkGzip(path: string, signal: AbortSignal): Promise<void> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  try {
    await pipeline(createReadStream(path), createGunzip(), nowhere, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new PipelineError('REPORT_INPUT', `cannot read ${path} to its end: ${describe(error)}`, {
      hint: 'gzip -t says whether the file is whole; a report does not take a part of it for all.',
      context: { path },
      cause: error,
    });
  }
}
