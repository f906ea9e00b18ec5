// The sink of the hdfs-consumer for the model check: its parts and its growing files over the model's file system, rows without
// weather.
import type { EncodedFiles } from '../../clients/duckdb/row-encoder.ts';
import type { FileSystem } from '../../clients/files/file-system.ts';
import { HdfsGrowth } from '../../clients/files/growing-hdfs.ts';
import type { WebHdfs } from '../../clients/files/webhdfs.ts';
import { fingerprint } from '../../consumer/sinks/fingerprint.ts';
import { LocationParts } from '../../consumer/sinks/location-parts.ts';
import { forEachParallel } from '../../consumer/sinks/staged-files.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import type { Sink } from '../../pipeline/sink.ts';

export interface GrowingSinkParts {
  readonly files: FileSystem & Pick<WebHdfs, 'renameNoReplace' | 'concat'>;
  readonly root: string;
  readonly clock: Clock;
  /** `path` of a file is its content. */
  readonly encode: (batch: Batch) => Promise<EncodedFiles>;
}

let attempts = 0;

export function growingSink({ files, root, clock, encode }: GrowingSinkParts) {
  const growth = new HdfsGrowth(files);
  const parts = new LocationParts(files, root, clock);
  const sink: Pick<Sink, 'stage' | 'place' | 'sweep'> = {
    async stage(batch, signal) {
      attempts += 1;
      const attempt = `attempt-${attempts}`;
      const { range, records } = batch;
      const { files: encoded, rejects, skipped } = await encode(batch);
      const staged = await forEachParallel(encoded, async ({ tablePartition, path, rows }) => {
        const location = `dt=${tablePartition}/city`;
        const at = parts.stage(range, location, attempt);
        await files.create(`${root}/${at}`, Buffer.from(`${path}\n`), signal);
        const final = `${location}/alerts.json`;
        return { staged: at, final, tablePartition: location, rows, bytes: path.length + 1 };
      });
      const record: BatchRecord = {
        ...{ ...range, kind: 'batch', attempt, files: staged, skipped, at: clock.now() },
        rows: staged.reduce((sum, { rows }) => sum + rows, 0),
        ...{ deadLetters: rejects.length, last: fingerprint(records.at(-1)) },
      };
      return { record, rejects };
    },
    async place(record, signal) {
      await forEachParallel(record.files, ({ staged, final }) =>
        growth.grow(`${root}/${staged}`, `${root}/${final}`, signal),
      );
      await parts.placed(record, signal);
    },
    sweep: (of, position, signal) => parts.sweep(of, position, signal),
  };
  return sink;
}
