// The private temporary directory of an encoder. Directories of processes that died are swept when the next one opens.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, PipelineError } from '../../pipeline/errors.ts';

// The host is part of the name: processes of other hosts (or containers) may share the directory, and their ids say nothing here.
const PREFIX = `kafka-hive-encoder-${hostname().replace(/[^A-Za-z0-9.]/g, '_')}-`;

export class Workspace {
  readonly directory: string;
  #next = 0;

  /** Makes a directory under `parent`. Throws FILES_REJECTED. */
  static async open(parent = tmpdir()): Promise<Workspace> {
    try {
      await sweep(parent);
      return new Workspace(await mkdtemp(join(parent, `${PREFIX}${process.pid}-`)));
    } catch (error) {
      throw filesRejected(parent, error);
    }
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** A path nobody uses yet. */
  path(suffix: string): string {
    this.#next += 1;
    return join(this.directory, `${this.#next}${suffix}`);
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

export async function removeFiles(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

export function filesRejected(path: string, cause: unknown): PipelineError {
  return new PipelineError(
    'FILES_REJECTED',
    `cannot write temporary files at ${path}: ${describe(cause)}`,
    {
      hint: 'Check free space and rights, or point TMPDIR to another disk.',
      context: { path },
      cause,
    },
  );
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(PREFIX)) continue;
    const pid = Number.parseInt(name.slice(PREFIX.length), 10);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    try {
      await rm(join(parent, name), { recursive: true, force: true });
    } catch (error) {
      // Left by another user, who may remove it.
      if (!['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
