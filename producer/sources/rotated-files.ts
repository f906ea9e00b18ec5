// Where the rest of a followed file is after it was rotated: renamed, packed, or copied and truncated.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beginsAs, type FileMark, isSameFile } from './input-file.ts';
import type { LinePlace } from './read-lines.ts';

/** A file to be read from a place on. */
export interface Located extends LinePlace {
  /** Where it was when it was looked for. */
  readonly at: string;
  /** Its number on the disk: another one stands there when it was rotated since. */
  readonly inode: string;
}

export interface Behind {
  /** False: the file of the mark is gone, and what was written to it behind the mark. */
  readonly isFound: boolean;
  /** In the order they were written; the last one may still grow. */
  readonly files: readonly Located[];
}

interface Sibling {
  readonly at: string;
  readonly inode: string;
  readonly writtenMs: number;
}

/**
 * What is to be read behind `mark`: the rest of its file, files that were rotated away after it, and the file that stands at
 * its path now. Rotated files are those beside it whose name continues its name (`app.log.1`, `app.log-20261122.gz`).
 * No file at all: the next one is not there yet.
 */
export async function filesBehind(mark: FileMark): Promise<Behind> {
  const behind = await lookBehind(mark);
  // A rotation during the look hides the file: its new name was not there yet, its old one is another file's.
  return behind.isFound ? behind : lookBehind(mark);
}

async function lookBehind(mark: FileMark): Promise<Behind> {
  const { path, offset, line } = mark;
  const siblings = await siblingsOf(path);
  const current = siblings.find(({ at }) => at === path);
  if (current && (await isSameFile(path, mark))) {
    return { isFound: true, files: [{ at: path, inode: mark.inode, offset, line }] };
  }
  const start = current ? [{ at: path, inode: current.inode, offset: 0, line: 0 }] : [];
  const rotated = siblings.filter(({ at }) => at !== path);
  const own = await fileOf(mark, rotated);
  const sinceMs = own?.writtenMs ?? mark.writtenMs ?? Number.POSITIVE_INFINITY;
  const later = rotated
    .filter(({ writtenMs }) => writtenMs > sinceMs)
    .map(({ at, inode }) => ({ at, inode, offset: 0, line: 0 }));
  if (!own) return { isFound: false, files: [...later, ...start] };
  return {
    isFound: true,
    files: [{ at: own.at, inode: own.inode, offset, line }, ...later, ...start],
  };
}

/** The file itself under a new name; else the newest that begins like it: a copy, packed or not. */
async function fileOf(mark: FileMark, rotated: readonly Sibling[]): Promise<Sibling | undefined> {
  for (const sibling of rotated) {
    if (sibling.inode === mark.inode && (await isSameFile(sibling.at, mark))) return sibling;
  }
  for (const sibling of rotated.toReversed()) if (await beginsAs(sibling.at, mark)) return sibling;
  return undefined;
}

/** The file at `path` and those whose names continue its name, the one written last at the end. */
async function siblingsOf(path: string): Promise<Sibling[]> {
  const name = basename(path);
  const directory = dirname(path);
  const names = (await readdir(directory)).filter(
    (other) => other === name || other.startsWith(`${name}.`) || other.startsWith(`${name}-`),
  );
  const found = await Promise.all(
    names.map(async (other): Promise<Sibling[]> => {
      const at = other === name ? path : join(directory, other);
      const facts = await stat(at, { bigint: true }).catch(() => undefined);
      return facts?.isFile()
        ? [{ at, inode: `${facts.ino}`, writtenMs: Number(facts.mtimeNs) / 1e6 }]
        : [];
    }),
  );
  return found.flat().sort((a, b) => a.writtenMs - b.writtenMs);
}
