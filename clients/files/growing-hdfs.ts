// Files on HDFS that grow: a part that lies beside its target is concatenated onto it, one step of the NameNode that readers
// see whole. Any number of processes may do so at once: each CONCAT consumes its source.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { bytesIn } from './file-system.ts';
import type { GrowingFiles, Part } from './growing-files.ts';
import type { WebHdfs } from './webhdfs.ts';

const gzipped: (lines: Buffer) => Promise<Buffer> = promisify(gzip);

/** A whole part, in pieces; as gzip one whole member: files may be a row of them. */
export async function packed(
  lines: readonly Buffer[],
  isGzip: boolean,
): Promise<readonly Buffer[]> {
  return isGzip ? [await gzipped(Buffer.concat(lines))] : lines;
}

export class HdfsGrowth implements GrowingFiles {
  readonly #files: Pick<WebHdfs, 'renameNoReplace' | 'concat'>;

  constructor(files: Pick<WebHdfs, 'renameNoReplace' | 'concat'>) {
    this.#files = files;
  }

  async pack(lines: readonly Buffer[], isGzip: boolean): Promise<Part> {
    const body = await packed(lines, isGzip);
    return { body, bytes: bytesIn(body) };
  }

  /** `source` lies in the directory of `target`: CONCAT takes no other. */
  async grow(source: string, target: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const added = await this.#files.concat(source, target, signal);
      if (added !== 'target-missing') return;
      // The first part becomes the file; another's may be first at the same moment.
      const moved = await this.#files.renameNoReplace(source, target, signal);
      if (moved !== 'target-exists') return;
    }
  }
}
