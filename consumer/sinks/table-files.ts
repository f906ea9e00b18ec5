// Stages batches as files beside a table and places them in it by renaming: the part of hive-load that knows nothing of
// Hive. Paths in ledger entries are relative to the table, so that they outlive a move of it.
import { randomUUID } from 'node:crypto';
import type { EncodedFile, EncodedFiles } from '../../clients/duckdb/row-encoder.ts';
import type { FileSystem } from '../../clients/files/file-system.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant } from '../../pipeline/errors.ts';
import type { BatchRecord, Ledger, StagedFile } from '../../pipeline/ledger.ts';
import { formatRange, type TopicPartition } from '../../pipeline/range.ts';
import type { Staged } from '../../pipeline/sink.ts';
import { DAY_COLUMN, type TableSpec } from '../../pipeline/table.ts';

import { stagingPath } from '../ledger.ts';
import { extensionOf, formatFileName } from './file-name.ts';
import { fingerprint } from './fingerprint.ts';
import { forEachParallel, moveOnce, sweepStaging } from './staged-files.ts';

/** What turns a batch into local files; RowEncoder does. */
export interface FileEncoder {
  encodeFiles(batch: Batch, signal: AbortSignal): Promise<EncodedFiles>;
}

export interface TableFilesParts {
  readonly files: FileSystem;
  /** Directory of the table: absolute, without a slash at its end. */
  readonly root: string;
  readonly ledger: Ledger;
  readonly encoder: FileEncoder;
  readonly format: TableSpec['format'];
  /** Makes the table partition of a day known to readers, before a file is placed in it. */
  readonly addDay: (day: string, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
}

export class TableFiles {
  readonly #parts: TableFilesParts;

  constructor(parts: TableFilesParts) {
    this.#parts = parts;
  }

  /** Every call is a new attempt under names of its own; a failed one leaves files that nobody reads. */
  async stage(batch: Batch, signal: AbortSignal): Promise<Staged> {
    const { range, records } = batch;
    const attempt = randomUUID();
    const encoded = await this.#parts.encoder.encodeFiles(batch, signal);
    try {
      const { skipped, rejects } = encoded;
      const files = await forEachParallel(encoded.files, (file) =>
        this.#upload(batch, attempt, file, signal),
      );
      const rows = files.reduce((sum, file) => sum + file.rows, 0);
      invariant(
        rows + skipped + rejects.length === records.length,
        `${formatRange(range)}: ${records.length} records became ${rows} rows, ${rejects.length} rejects, ${skipped} skipped`,
      );
      const record: BatchRecord = {
        ...range,
        ...{ kind: 'batch', attempt, files, rows, deadLetters: rejects.length, skipped },
        last: fingerprint(records.at(-1)),
        at: this.#parts.clock.now(),
      };
      return { record, rejects };
    } finally {
      await encoded.dispose();
    }
  }

  async #upload(
    { range }: Batch,
    attempt: string,
    { tablePartition, path, rows, bytes }: EncodedFile,
    signal: AbortSignal,
  ): Promise<StagedFile> {
    const { files, root, format } = this.#parts;
    const directory = `${stagingPath(range, range.start)}/${attempt}`;
    const staged = `${directory}/${tablePartition}.${extensionOf(format)}`;
    const final = `${DAY_COLUMN}=${tablePartition}/${formatFileName(range, format)}`;
    await files.create(`${root}/${staged}`, { file: path }, signal);
    return { staged, final, tablePartition, rows, bytes };
  }

  /** Moves the files of `record` into the table, then removes whatever else was staged at its start. */
  async place(record: BatchRecord, signal: AbortSignal): Promise<void> {
    const { files, root, addDay } = this.#parts;
    await forEachParallel(record.files, async (file) => {
      await addDay(file.tablePartition, signal);
      await moveOnce(this.#parts, record, file, signal);
    });
    // Only now: until every file is moved, a late writer of this same record may still need them.
    await files.remove(`${root}/${stagingPath(record, record.start)}`, signal);
  }

  /** Removes what came late for starts before `position`, which are decided and placed, for the first one and for roll-ups. */
  async sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void> {
    const { files, root } = this.#parts;
    await sweepStaging(files, root, of, position, signal);
  }
}
