// A directory of this machine as a FileSystem. `link()` refuses a taken name, which makes it the compare-and-set;
// files and directories are synced, so that a power cut takes nothing back that was answered with success.
import { constants } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { PipelineError } from '../../pipeline/errors.ts';
import type {
  ByteRange,
  DirectoryEntry,
  FileBody,
  FileStatus,
  FileSystem,
  RenameOutcome,
} from './file-system.ts';
import { READ_BYTES_MAX } from './file-system.ts';

const WHY: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'no right',
  EPERM: 'no right, or a file system without hard links',
  ENOTSUP: 'a file system without hard links',
  EXDEV: 'source and target lie on different file systems',
  EFBIG: 'larger than this user or file system allows',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'it is a directory',
  EEXIST: 'it exists already',
  ENAMETOOLONG: 'the name is too long',
};

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException)?.code ?? '');

function rejected(what: string, path: string, error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  const code = codeOf(error);
  const why = WHY[code] ?? (error instanceof Error ? error.message : String(error));
  return new PipelineError('FILES_REJECTED', `cannot ${what} ${path}: ${why}`, {
    hint: 'Check that the directory exists, that this user may write there, and that the disk has room.',
    context: { path, errno: code || undefined },
    cause: error,
  });
}

/** Runs `step`; a failure becomes FILES_REJECTED naming what was tried on which path. */
export async function guarded<T>(
  what: string,
  path: string,
  signal: AbortSignal,
  step: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  try {
    return await step();
  } catch (error) {
    throw rejected(what, path, error);
  }
}

/** Runs `step`; undefined when the path leads to nothing. */
export async function unlessMissing<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a directory with those above it, and syncs each directory that got a new name in it. Not `mkdir -p` of Node: that
 * one loops for ever where a file system answers ENOENT to a mkdir (/proc, some FUSE mounts).
 */
export async function ensureDirectory(path: string): Promise<void> {
  try {
    await makeOne(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || path === dirname(path)) throw error;
    await ensureDirectory(dirname(path));
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if ((await stat(path)).isDirectory()) return;
    throw Object.assign(new Error('not a directory'), { code: 'ENOTDIR' });
  }
  await sync(dirname(path));
}

async function sameFile(a: string, b: string): Promise<boolean | undefined> {
  const [left, right] = await Promise.all([
    unlessMissing(() => stat(a, { bigint: true })),
    unlessMissing(() => stat(b, { bigint: true })),
  ]);
  if (!left) return undefined;
  return right !== undefined && left.dev === right.dev && left.ino === right.ino;
}

async function writeNew(path: string, body: FileBody): Promise<void> {
  if ('file' in body) {
    await copyFile(body.file, path, constants.COPYFILE_EXCL);
    await sync(path);
    return;
  }
  const handle = await open(path, 'wx');
  try {
    await writeFile(handle, body);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readRange(path: string, { offset, bytes }: ByteRange): Promise<Buffer> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await handle.read(buffer, 0, bytes, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** A move is a link and an unlink; one file must not be moved to two names at the same time. */
export class LocalFiles implements FileSystem {
  async create(path: string, body: FileBody, signal: AbortSignal): Promise<void> {
    await guarded('write', path, signal, async () => {
      for (let tries = 1; ; tries += 1) {
        try {
          await ensureDirectory(dirname(path));
          await writeNew(path, body);
          await sync(dirname(path));
          return;
        } catch (error) {
          if (codeOf(error) === 'EEXIST') throw error;
          await rm(path, { force: true }).catch(() => {});
          // The directory was removed in the meantime: another writer has decided that start and swept.
          if (codeOf(error) !== 'ENOENT' || tries === 3) throw error;
        }
      }
    });
  }

  async renameNoReplace(from: string, to: string, signal: AbortSignal): Promise<RenameOutcome> {
    return guarded('move a file to', to, signal, async () => {
      try {
        await this.#link(from, to);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return 'source-missing';
        if (codeOf(error) !== 'EEXIST') throw error;
        // A crash between link and unlink leaves both names on one file: that move happened, finish it.
        const same = await sameFile(from, to);
        if (same === undefined) return 'source-missing';
        if (!same) return 'target-exists';
      }
      await sync(dirname(to));
      await unlessMissing(() => unlink(from));
      return 'moved';
    });
  }

  async #link(from: string, to: string): Promise<void> {
    try {
      await link(from, to);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      await stat(from);
      await ensureDirectory(dirname(to));
      await link(from, to);
    }
  }

  async read(path: string, signal: AbortSignal, range?: ByteRange): Promise<Buffer | undefined> {
    return guarded('read', path, signal, async () => {
      if (range) return unlessMissing(() => readRange(path, range));
      const status = await unlessMissing(() => stat(path));
      if (status && status.size > READ_BYTES_MAX) {
        throw new Error(`${status.size} bytes are more than the ${READ_BYTES_MAX} read at once`);
      }
      return unlessMissing(() => readFile(path));
    });
  }

  async status(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    return guarded('look at', path, signal, async () => {
      const found = await unlessMissing(() => stat(path));
      if (!found) return undefined;
      return found.isDirectory()
        ? { type: 'directory', bytes: 0 }
        : { type: 'file', bytes: found.size };
    });
  }

  async list(path: string, signal: AbortSignal): Promise<DirectoryEntry[] | undefined> {
    return guarded('list', path, signal, async () => {
      const names = await unlessMissing(() => readdir(path));
      if (!names) return undefined;
      const entries: DirectoryEntry[] = [];
      for (const name of names.sort()) {
        const status = await this.status(`${path}/${name}`, signal);
        if (status) entries.push({ name, ...status });
      }
      return entries;
    });
  }

  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    await guarded('make the directory', path, signal, () => ensureDirectory(path));
  }

  async remove(path: string, signal: AbortSignal): Promise<void> {
    // Repeated where another writer puts a file into a directory that is just being removed.
    const options = { recursive: true, force: true, maxRetries: 10, retryDelay: 10 };
    await guarded('remove', path, signal, () => rm(path, options));
  }

  close(): void {}
}
