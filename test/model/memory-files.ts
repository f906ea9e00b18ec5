// Files in memory for the model check: atomic requests over one shared map, as a NameNode carries them out.
import type {
  DirectoryEntry,
  FileBody,
  FileStatus,
  RenameOutcome,
} from '../../clients/files/file-system.ts';
import { PipelineError } from '../../pipeline/errors.ts';

/** One planted fault: a rename that replaces what stands, as POSIX rename does. */
export interface MemoryFaults {
  readonly overwrites?: boolean;
}

/** What a NameNode would hold. Every method is one atomic request. */
export class MemoryFiles {
  readonly contents = new Map<string, Buffer>();
  readonly #directories = new Set<string>();
  readonly #faults: MemoryFaults;

  constructor(faults: MemoryFaults = {}) {
    this.#faults = faults;
  }

  create(path: string, content: Buffer): void {
    for (let above = path; above !== ''; above = above.slice(0, above.lastIndexOf('/'))) {
      if (this.contents.has(above)) {
        throw new PipelineError('HDFS_REJECTED', `cannot write ${path}: ${above} is a file`);
      }
    }
    this.contents.set(path, content);
  }

  rename(from: string, to: string): RenameOutcome {
    const content = this.contents.get(from);
    if (content === undefined) return 'source-missing';
    if (this.contents.has(to) && this.#faults.overwrites !== true) return 'target-exists';
    this.contents.delete(from);
    this.contents.set(to, content);
    return 'moved';
  }

  /** As a NameNode does it: the content of `from` moves to the end of `to` in one step; false when one of them is missing. */
  concat(from: string, to: string): boolean {
    const [added, standing] = [this.contents.get(from), this.contents.get(to)];
    if (added === undefined || standing === undefined) return false;
    this.contents.delete(from);
    this.contents.set(to, Buffer.concat([standing, added]));
    return true;
  }

  status(path: string): FileStatus | undefined {
    const content = this.contents.get(path);
    if (content) return { type: 'file', bytes: content.length };
    const below = (known: string) => known === path || known.startsWith(`${path}/`);
    const isDirectory = [...this.contents.keys(), ...this.#directories].some(below);
    return isDirectory ? { type: 'directory', bytes: 0 } : undefined;
  }

  list(path: string): DirectoryEntry[] | undefined {
    if (this.status(path)?.type !== 'directory') return undefined;
    const names = [...this.contents.keys(), ...this.#directories]
      .filter((known) => known.startsWith(`${path}/`))
      .map((known) => known.slice(path.length + 1).split('/', 1)[0] as string);
    return [...new Set(names)].sort().flatMap((name) => {
      const status = this.status(`${path}/${name}`);
      return status ? [{ name, ...status }] : [];
    });
  }

  makeDirectory(path: string): void {
    this.#directories.add(path);
  }

  remove(path: string): void {
    for (const known of [...this.contents.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.contents.delete(known);
    }
    for (const known of [...this.#directories]) {
      if (known === path || known.startsWith(`${path}/`)) this.#directories.delete(known);
    }
  }
}

/** The bytes of a body; in the model the "local path" of a file is its content. */
export function bytesOf(body: FileBody): Buffer {
  if ('file' in body) return Buffer.from(body.file);
  return Buffer.isBuffer(body) ? body : Buffer.concat(body);
}
