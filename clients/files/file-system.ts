// The contract of a place for files: HDFS over WebHDFS, or a directory of this machine. As small as exactly-once
// needs it: one step, `renameNoReplace`, decides; every other step may be repeated or lost.

/** What a file is made from: bytes in memory, in one or more pieces, or a file on the local disk that is streamed. */
export type FileBody = Buffer | readonly Buffer[] | { readonly file: string };

/** Length of all pieces. */
export function bytesIn(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/**
 * `moved`: this call moved it. `target-exists`: refused, nothing changed. `source-missing`: nothing stands at the
 * source; somebody may have moved it before, an earlier try of ours included, so look at the target.
 */
export type RenameOutcome = 'moved' | 'target-exists' | 'source-missing';

export interface FileStatus {
  readonly type: 'file' | 'directory';
  /** Length of a file; 0 for a directory. */
  readonly bytes: number;
}

export interface DirectoryEntry extends FileStatus {
  /** The last part of the path. */
  readonly name: string;
}

/** A part of a file. `offset` is not behind its end. */
export interface ByteRange {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Paths are absolute, with `/`, unescaped. Every method throws HDFS_UNAVAILABLE where a repeat may help, and
 * HDFS_REJECTED or FILES_REJECTED where it cannot. An aborted `signal` rejects with its reason; a request that was
 * already sent may still be carried out, even much later.
 */
export interface FileSystem {
  /**
   * Writes a whole new file and the directories above it; resolves when it is closed and has its full length. Not
   * atomic: after a failure a part of it may stand there, so a failed create is repeated under a new name.
   * Throws HDFS_REJECTED or FILES_REJECTED when the path is taken.
   */
  create(path: string, body: FileBody, signal: AbortSignal): Promise<void>;
  /** Moves one file, atomically, onto a free name; makes the directory of `to` when it is missing. May be repeated. */
  renameNoReplace(from: string, to: string, signal: AbortSignal): Promise<RenameOutcome>;
  /** The content, or `range` of it (64 MB at most; less where the file ends); undefined when there is no such file. */
  read(path: string, signal: AbortSignal, range?: ByteRange): Promise<Buffer | undefined>;
  /** Undefined when nothing stands there. */
  status(path: string, signal: AbortSignal): Promise<FileStatus | undefined>;
  /** Undefined when there is no such directory. */
  list(path: string, signal: AbortSignal): Promise<DirectoryEntry[] | undefined>;
  /** With the directories above it; succeeds when it is there already. */
  makeDirectory(path: string, signal: AbortSignal): Promise<void>;
  /** A file, or a directory with all it holds; succeeds when nothing stands there. */
  remove(path: string, signal: AbortSignal): Promise<void>;
  /** Lets go of open connections. */
  close(): void;
}

/** Most bytes `read` takes into memory. */
export const READ_BYTES_MAX = 64 * 1024 * 1024;
