// Files on HDFS that grow: a part that lies beside its target is concatenated onto it, one step of the NameNode that readers
// see whole. Any number of processes may do so at once: each CONCAT consumes its source.
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { GrowingFiles, Part } from './growing-files.ts';
import type { WebHdfs } from './webhdfs.ts';

/** One whole gzip member: files may be a row of them. */
export const gzipMember: (lines: Buffer) => Promise<Buffer> = promisify(gzip);

export class HdfsGrowth implements GrowingFiles {
  readonly #files: Pick<WebHdfs, 'renameNoReplace' | 'concat'>;

  constructor(files: Pick<WebHdfs, 'renameNoReplace' | 'concat'>) {
    this.#files = files;
  }

  /** A gzip file may be a row of members, so a part is one. */
  async pack(lines: Buffer, isGzip: boolean): Promise<Part> {
    const body = isGzip ? await gzipMember(lines) : lines;
    return { body, bytes: body.length };
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
