// An adapter for node-json-db whose file is always whole: written aside, synced, renamed, and the directory synced.
// The stock adapter replaces a good file by a truncated one on a full disk and turns date-like strings into dates.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { IAdapter } from 'node-json-db/dist/adapter/IAdapter.js';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import { type FileKind, unwritable } from './file-kind.ts';

export type JsonObject = Record<string, unknown>;

export class SafeJsonAdapter implements IAdapter<JsonObject> {
  readonly #file: string;
  readonly #directory: string;
  readonly #kind: FileKind;
  #writes = 0;

  constructor(file: string, kind: FileKind) {
    this.#file = file;
    this.#kind = kind;
    this.#directory = dirname(file);
  }

  /**
   * Creates the directory, removes what writers that died left behind, and moves a file that was torn by something else
   * than us aside. Only for who holds the lock. Returns where the torn file went, undefined when it was whole.
   */
  async prepare(now: number): Promise<string | undefined> {
    try {
      await mkdir(this.#directory, { recursive: true });
      for (const name of await readdir(this.#directory)) {
        if (name.startsWith(`${basename(this.#file)}.tmp-`)) await rm(join(this.#directory, name));
      }
      const text = await this.#readText();
      if (!isTorn(text)) return undefined;
      const aside = `${this.#file}.corrupt-${now}`;
      await rename(this.#file, aside);
      return aside;
    } catch (error) {
      throw error instanceof PipelineError ? error : unwritable(this.#file, this.#kind, error);
    }
  }

  /** The object in the file; an empty one when the file is missing or empty. Throws POSITION_CORRUPT otherwise. */
  async readAsync(): Promise<JsonObject> {
    const text = await this.#readText();
    if (text.trim() === '') return {};
    const value = parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
    const { name, setting, hints } = this.#kind;
    throw new PipelineError('POSITION_CORRUPT', `${this.#file} is no ${name}`, {
      hint: `Check ${setting}. If it is the right path, move the file away and start again: ${hints.damaged}`,
      context: { file: this.#file },
    });
  }

  /** Throws POSITION_UNWRITABLE; the file on disk is then the old one. Resolved means: survives a power cut. */
  async writeAsync(data: JsonObject): Promise<void> {
    this.#writes += 1;
    const aside = `${this.#file}.tmp-${process.pid}-${this.#writes}`;
    try {
      await writeWhole(aside, Buffer.from(`${JSON.stringify(data, undefined, 2)}\n`));
      await rename(aside, this.#file);
      await syncDirectory(this.#directory);
    } catch (error) {
      await rm(aside, { force: true }).catch(() => {});
      throw unwritable(this.#file, this.#kind, error);
    }
  }

  async #readText(): Promise<string> {
    try {
      return await readFile(this.#file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return '';
      throw new PipelineError(
        code === 'EISDIR' ? 'POSITION_CORRUPT' : 'POSITION_UNWRITABLE',
        `cannot read the ${this.#kind.name} ${this.#file}: ${describe(error)}`,
        {
          hint: `Give ${this.#kind.setting} the path of a file this user may read and write.`,
          context: { file: this.#file },
          cause: error,
        },
      );
    }
  }
}

/** How each of our files begins, blanks left out. */
const OURS = '{"version":';

/** No JSON, yet the beginning of a file of ours: cut off, or its blocks were lost. Any other text is somebody else's. */
function isTorn(text: string): boolean {
  if (text.trim() === '' || parse(text) !== undefined) return false;
  const beginning = text.slice(0, 100).replace(/\s/g, '').slice(0, OURS.length);
  return text.startsWith('\0') || OURS.startsWith(beginning);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644);
  try {
    await writeAll(handle, bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A full disk may take a part and report success: the rest must be asked for again, and then fails. */
async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written);
    if (bytesWritten === 0) throw new Error('the disk took no bytes');
    written += bytesWritten;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
