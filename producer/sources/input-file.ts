// A file of the lines source: its bytes from a place on (unpacked, followed), and what tells it from another at its path.
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { Clock } from '../../pipeline/clock.ts';
import type { LinePlace } from './read-lines.ts';

/** What a file is known by: its number on the disk, and a checksum of its first bytes. Both survive a rename. */
export interface FileIdentity {
  readonly inode: string;
  /** `<bytes>-<checksum>`: the first 1024 bytes, fewer while the file is smaller. */
  readonly head: string;
  /** When it was written last, before it was read on: milliseconds since 1970. Missing in older marks. */
  readonly writtenMs?: number;
}

/** How far a file is read. */
export interface FileMark extends FileIdentity, LinePlace {
  /** As the user named it; a rotated file keeps the name it had. */
  readonly path: string;
  /** Drawn when its reading began. Missing in older marks and for standard input. */
  readonly series?: string;
}

export function isMark(value: unknown): value is FileMark {
  const { path, inode, head, offset, line, series = '' } = Object(value) as Partial<FileMark>;
  const texts = [path, inode, head, series].every((part) => typeof part === 'string');
  return texts && [offset, line].every((part) => Number.isSafeInteger(part));
}

/** For a file whose reading begins: one that is read again from its beginning is another series. */
export const newSeries = () => randomBytes(6).toString('hex');

/** Tells the line that ends at `end` from every other one, also from an equal one. Undefined: the mark has no series. */
export function lineId({ series }: FileMark, end: LinePlace): string | undefined {
  return series === undefined ? undefined : `${series} ${end.offset}`;
}

const HEAD_BYTES = 1024;
const CHUNK_BYTES = 64 * 1024;
/** How often a file that does not grow is looked at. */
export const POLL_MS = 200;

const isPacked = (path: string) => path.endsWith('.gz');

/** Its bytes behind the first `offset` (of what is unpacked, for `.gz` of one or several members). */
export async function* fileBytes(path: string, offset: number): AsyncGenerator<Buffer, void, void> {
  if (!isPacked(path)) return yield* createReadStream(path, { start: offset });
  const unpacked = createGunzip();
  pipeline(createReadStream(path), unpacked, () => {});
  let skip = offset;
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    if (chunk.length > skip) yield chunk.subarray(skip);
    skip = Math.max(0, skip - chunk.length);
  }
}

/** Of the file that is at `path` now. `bytes`: how many of the first ones are looked at. */
export async function identify(path: string, bytes = HEAD_BYTES): Promise<FileIdentity> {
  for (;;) {
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    const head = checksum(await firstBytes(path, bytes));
    // Rotated in between, number and checksum would be those of two files.
    const after = await stat(path, { bigint: true });
    if (after.ino === ino) return { inode: `${ino}`, head, writtenMs: Number(mtimeNs) / 1e6 };
  }
}

/** Whether the file at `path` is the one of `mark` and still holds what was read of it. */
export async function isSameFile(path: string, mark: FileMark): Promise<boolean> {
  const found = await unlessGone(identify(path, headBytes(mark)));
  if (found?.inode !== mark.inode || found.head !== mark.head) return false;
  return holds(path, mark);
}

/** Whether the file at `path`, of whatever number, begins as the one of `mark` did; false while that was empty. */
export async function beginsAs(path: string, mark: FileMark): Promise<boolean> {
  const bytes = headBytes(mark);
  if (bytes === 0 || (await unlessGone(identify(path, bytes)))?.head !== mark.head) return false;
  return holds(path, mark);
}

async function holds(path: string, { offset }: FileMark): Promise<boolean> {
  return isPacked(path) || ((await unlessGone(stat(path)))?.size ?? 0) >= offset;
}

/** Undefined: it was renamed or deleted meanwhile. */
export async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (Object(error).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The bytes of a file that grows, from `offset` on. Ends when it is over: another file stands at `path` and has begun to
 * grow (until then the writer may still write here), or this one was truncated; at once, when the file `at` has another number
 * than `inode` by now. `onHead` is told its head as it grows.
 */
export async function* growingBytes(
  { at, inode }: { readonly at: string; readonly inode: string },
  path: string,
  offset: number,
  onHead: (head: string) => void,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<Buffer, void, void> {
  const handle = await unlessGone(open(at));
  if (!handle) return;
  try {
    if (`${(await handle.stat({ bigint: true })).ino}` !== inode) return;
    let position = offset;
    let head = checksum(await beginningOf(handle, position));
    for (let isOver = false; !signal.aborted; ) {
      const { bytesRead, buffer } = await handle.read(
        Buffer.allocUnsafe(CHUNK_BYTES),
        0,
        CHUNK_BYTES,
        position,
      );
      if (bytesRead > 0) {
        // Looked at after the reading: these bytes may be those of a file that was truncated and has grown since.
        const beginning = await beginningOf(handle, position + bytesRead);
        if (checksum(beginning.subarray(0, headBytes({ head }))) !== head) return;
        position += bytesRead;
        if (beginning.length > headBytes({ head })) {
          head = checksum(beginning);
          onHead(head);
        }
        yield buffer.subarray(0, bytesRead);
      } else if (isOver) {
        return;
      } else {
        // Looked at once more after this: what came between the last read and the look is not lost.
        isOver = await hasEnded(handle, path, position, head);
        if (!isOver) await clock.sleep(POLL_MS, signal).catch(() => {});
      }
    }
  } finally {
    await handle.close();
  }
}

async function hasEnded(
  handle: FileHandle,
  path: string,
  position: number,
  head: string,
): Promise<boolean> {
  const own = await handle.stat({ bigint: true });
  const beginning = await beginningOf(handle, headBytes({ head }));
  if (own.size < position || checksum(beginning) !== head) return true;
  const there = await stat(path, { bigint: true }).catch(() => undefined);
  return there !== undefined && there.ino !== own.ino && there.size > 0n;
}

/** The first `bytes`, 1024 at most. */
async function beginningOf(handle: FileHandle, bytes: number): Promise<Buffer> {
  const size = Math.min(bytes, HEAD_BYTES);
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}

async function firstBytes(path: string, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let held = 0;
  if (bytes === 0) return Buffer.alloc(0);
  for await (const piece of fileBytes(path, 0)) {
    pieces.push(piece);
    held += piece.length;
    if (held >= bytes) break;
  }
  return Buffer.concat(pieces).subarray(0, bytes);
}

function checksum(head: Buffer): string {
  return `${head.length}-${createHash('sha256').update(head).digest('hex').slice(0, 16)}`;
}

function headBytes({ head }: Pick<FileIdentity, 'head'>): number {
  return Number(head.split('-')[0]);
}
