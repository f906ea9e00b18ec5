// Files on HDFS that grow: a part is moved beside its target and then concatenated onto it, one step of the NameNode that
// readers see whole. Any number of processes may do so at once: each move consumes its source.
import { dirname } from 'node:path/posix';
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

  async grow(source: string, target: string, signal: AbortSignal): Promise<void> {
    // CONCAT takes sources of the same directory only. The name is the source's own, so that whoever repeats this finds it.
    const part = `${dirname(target)}/_part+${source.split('/').slice(-2).join('+')}`;
    await this.#files.renameNoReplace(source, part, signal);
    for (;;) {
      const added = await this.#files.concat(part, target, signal);
      if (added !== 'target-missing') return;
      // The first part becomes the file; another's may be first at the same moment.
      const moved = await this.#files.renameNoReplace(part, target, signal);
      if (moved !== 'target-exists') return;
    }
  }
}
