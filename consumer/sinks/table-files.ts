// Stages batches as files beside a table and places them in it by renaming: the part of hive-load that knows nothing of
// Hive. Paths in ledger entries are relative to the table, so that they outlive a move of it.
import { randomUUID } from 'node:crypto';
import type { EncodedFile, EncodedFiles } from '../../clients/duckdb/row-encoder.ts';
import type { FileSystem } from '../../clients/files/file-system.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import type { BatchRecord, Ledger, StagedFile } from '../../pipeline/ledger.ts';
import { formatRange, type TopicPartition } from '../../pipeline/range.ts';
import type { Staged } from '../../pipeline/sink.ts';
import { DAY_COLUMN, type TableSpec } from '../../pipeline/table.ts';

import { entryPath, stagingOf, stagingPath } from '../ledger.ts';
import { extensionOf, formatFileName } from './file-name.ts';
import { fingerprint } from './fingerprint.ts';

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

/** Files of one batch that are sent or moved at the same time. */
const PARALLEL = 4;

/** Runs `step` on each item, `PARALLEL` at a time; throws the first failure after all that was begun has ended. */
async function forEachParallel<T, R>(
  items: readonly T[],
  step: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = [...items.entries()];
  let failed = false;
  const work = async () => {
    for (let next = rest.shift(); next && !failed; next = rest.shift()) {
      const [index, item] = next;
      try {
        results[index] = await step(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: PARALLEL }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return results;
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
      await this.#move(record, file, signal);
    });
    // Only now: until every file is moved, a late writer of this same record may still need them.
    await files.remove(`${root}/${stagingPath(record, record.start)}`, signal);
  }

  /** Removes what came late for starts before `position`, which are decided and placed, for the first one and for roll-ups. */
  async sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void> {
    const { files, root } = this.#parts;
    const staging = `${root}/${stagingOf(of)}`;
    for (const { name } of (await files.list(staging, signal)) ?? []) {
      const isStart = /^\d+$/.test(name);
      const isOurs = isStart ? BigInt(name) < position : /^(origin|roll-up-\d+)$/.test(name);
      if (isOurs) await files.remove(`${staging}/${name}`, signal);
    }
  }

  async #move(record: BatchRecord, file: StagedFile, signal: AbortSignal): Promise<void> {
    const { files, root } = this.#parts;
    const [staged, final] = [`${root}/${file.staged}`, `${root}/${file.final}`];
    const outcome = await files.renameNoReplace(staged, final, signal);
    if (outcome === 'moved') return;
    const standing = await files.status(final, signal);
    if (outcome === 'target-exists') {
      if (standing?.bytes === file.bytes) return;
      throw this.#contradiction(
        record,
        `${final} stands already, with ${standing?.bytes ?? 'no'} bytes instead of ${file.bytes}`,
        'Move that file out of the table; it was not written under this entry.',
      );
    }
    if (standing || (await this.#wasPlacedBefore(record, signal))) return;
    throw this.#contradiction(
      record,
      `neither ${staged} nor ${final} is there`,
      'Something removed the file. Restore it from the trash or a snapshot; if it was placed and then moved away on purpose, put any file under the final name, start, and remove it again.',
    );
  }

  /** A writer commits at the end of an entry only after having placed it; somebody took the file away afterwards. */
  async #wasPlacedBefore(record: BatchRecord, signal: AbortSignal): Promise<boolean> {
    return (await this.#parts.ledger.read(record, record.end, signal)) !== undefined;
  }

  #contradiction(record: BatchRecord, problem: string, hint: string): PipelineError {
    const entry = `${this.#parts.root}/${entryPath(record, record.start)}`;
    return new PipelineError('POSITION_CORRUPT', `ledger entry ${entry}: ${problem}`, {
      hint,
      context: { topic: record.topic, partition: record.partition, start: record.start, entry },
    });
  }
}
