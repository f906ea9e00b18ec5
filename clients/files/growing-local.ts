// Files of a local disk that grow. An append takes place in three steps, so that whoever dies in it is followed up: the part
// is moved beside its target under a name that holds the length the target has by then (`_append+<length>+<target>`); its
// lines are appended from there on (page-packing.ts says how nobody sees a torn one); the part is removed. A part that still
// stands is appended again from the length in its name. For that to be right only one process may grow a directory at a time.
import { constants } from 'node:fs';
import { copyFile, open, readdir, readFile, rename, rm, stat, truncate } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { bytesIn } from './file-system.ts';
import type { GrowingFiles, Part } from './growing-files.ts';
import { ensureDirectory, guarded, sync, unlessMissing } from './local.ts';
import { packPages } from './page-packing.ts';

const PENDING = /^_append\+(?<length>\d+)\+(?<name>[^+]+)$/;
/** A file that replaces another, as long as it is written. */
const REPLACING = '_grown+';
/** Directories that are known to hold nothing pending; another look costs little. */
const KNOWN_MAX = 10_000;
/** What gzip makes of alerts, at the worst: for the estimate of how much a file will grow. */
const GZIP_RATIO = 4;

export class LocalGrowth implements GrowingFiles {
  readonly #known = new Set<string>();
  /** What is under way in a directory: one append at a time. */
  readonly #queues = new Map<string, Promise<void>>();

  /** Lines stay plain until the length of the file is known: how they are packed depends on it. */
  async pack(lines: readonly Buffer[], isGzip: boolean): Promise<Part> {
    const bytes = bytesIn(lines);
    return { body: lines, bytes: isGzip ? Math.ceil(bytes / GZIP_RATIO) : bytes };
  }

  async grow(source: string, target: string, signal: AbortSignal): Promise<void> {
    const directory = dirname(target);
    const before = this.#queues.get(directory) ?? Promise.resolve();
    const step = () => guarded('add lines to', target, signal, () => this.#grow(source, target));
    const done = before.then(step, step);
    this.#queues.set(directory, done);
    try {
      await done;
    } finally {
      if (this.#queues.get(directory) === done) this.#queues.delete(directory);
    }
  }

  async #grow(source: string, target: string): Promise<void> {
    const directory = dirname(target);
    await this.#finishPending(directory);
    const length = (await unlessMissing(() => stat(target)))?.size ?? 0;
    const pending = `${directory}/_append+${length}+${basename(target)}`;
    if ((await unlessMissing(() => stat(source))) === undefined) return;
    await ensureDirectory(directory);
    // Until it is through, this directory is one to look at.
    this.#known.delete(directory);
    await rename(source, pending);
    await sync(directory);
    await append(pending, target, length);
    this.#remember(directory);
  }

  /** What an earlier process, or a try of ours that failed, left half done. */
  async #finishPending(directory: string): Promise<void> {
    if (this.#known.has(directory)) return;
    for (const name of (await unlessMissing(() => readdir(directory))) ?? []) {
      const { length, name: target } = PENDING.exec(name)?.groups ?? {};
      if (length !== undefined) {
        await append(`${directory}/${name}`, `${directory}/${target}`, Number(length));
      }
    }
    this.#remember(directory);
  }

  #remember(directory: string): void {
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.add(directory);
  }
}

/** Makes `target` the first `length` bytes of itself and the lines in `pending`, which is removed. May be repeated. */
async function append(pending: string, target: string, length: number): Promise<void> {
  const { bytes, isAligned } = packPages(await readFile(pending), length, target.endsWith('.gz'));
  // A file that was created and not written to yet would be seen, and as a gzip file it is broken.
  if (isAligned && length > 0) await appendAt(target, length, bytes);
  else await replace(target, length, bytes);
  await rm(pending);
}

async function appendAt(target: string, length: number, bytes: Buffer): Promise<void> {
  const handle = await open(target, constants.O_WRONLY | constants.O_CREAT);
  try {
    // Only a process that died while it appended leaves more.
    if ((await handle.stat()).size > length) await handle.truncate(length);
    for (let written = 0; written < bytes.length; ) {
      const left = bytes.length - written;
      const { bytesWritten } = await handle.write(bytes, written, left, length + written);
      written += bytesWritten;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Slow, as all of the file is copied (unless the file system shares blocks); readers see the old file or the new one. */
async function replace(target: string, length: number, bytes: Buffer): Promise<void> {
  const copy = `${dirname(target)}/${REPLACING}${basename(target)}`;
  await rm(copy, { force: true });
  if (length > 0) {
    await copyFile(target, copy, constants.COPYFILE_FICLONE);
    await truncate(copy, length);
  }
  await appendAt(copy, length, bytes);
  await rename(copy, target);
  await sync(dirname(target));
}
