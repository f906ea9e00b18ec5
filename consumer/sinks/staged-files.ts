// What sinks that stage files have in common: they are moved to their place once, whoever does it and however often, and what
// came late is swept. Paths in ledger entries are relative to the root, so that they outlive a move of it.
import type { FileSystem } from '../../clients/files/file-system.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { BatchRecord, Ledger, StagedFile } from '../../pipeline/ledger.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import { entryPath, stagingOf } from '../ledger.ts';

export interface StagedFilesParts {
  readonly files: FileSystem;
  /** Directory of the table or tree: absolute, without a slash at its end. */
  readonly root: string;
  readonly ledger: Pick<Ledger, 'read'>;
}

/** Files of one batch that are sent or moved at the same time. */
const PARALLEL = 4;

/** Runs `step` on each item, `PARALLEL` at a time; throws the first failure after all that was begun has ended. */
export async function forEachParallel<T, R>(
  items: readonly T[],
  step: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  let failed = false;
  const work = async () => {
    for (const [index, item] of rest) {
      if (failed) return;
      try {
        results[index] = await step(item, index);
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

/**
 * Moves one file of `record` to its final name. Idempotent. Throws POSITION_CORRUPT when neither name has it although it was
 * not placed, or another file has the final name.
 */
export async function moveOnce(
  { files, root, ledger }: StagedFilesParts,
  record: BatchRecord,
  file: StagedFile,
  signal: AbortSignal,
): Promise<void> {
  const [staged, final] = [`${root}/${file.staged}`, `${root}/${file.final}`];
  const outcome = await files.renameNoReplace(staged, final, signal);
  if (outcome === 'moved') return;
  const standing = await files.status(final, signal);
  if (outcome === 'target-exists') {
    if (standing?.bytes === file.bytes) return;
    throw contradiction(
      root,
      record,
      `${final} stands already, with ${standing?.bytes ?? 'no'} bytes instead of ${file.bytes}`,
      'Move that file out of the table; it was not written under this entry.',
    );
  }
  // A writer commits at the end of an entry only after having placed it; somebody took the file away afterwards.
  if (standing || (await ledger.read(record, record.end, signal)) !== undefined) return;
  throw contradiction(
    root,
    record,
    `neither ${staged} nor ${final} is there`,
    'Something removed the file. Restore it from the trash or a snapshot; if it was placed and then moved away on purpose, put any file under the final name, start, and remove it again.',
  );
}

/** Removes what came late for starts before `position`, which are decided and placed, for the first one and for roll-ups. */
export async function sweepStaging(
  files: FileSystem,
  root: string,
  of: TopicPartition,
  position: bigint,
  signal: AbortSignal,
): Promise<void> {
  const staging = `${root}/${stagingOf(of)}`;
  for (const { name } of (await files.list(staging, signal)) ?? []) {
    const isStart = /^\d+$/.test(name);
    const isOurs = isStart ? BigInt(name) < position : /^(origin|roll-up-\d+)$/.test(name);
    if (isOurs) await files.remove(`${staging}/${name}`, signal);
  }
}

function contradiction(
  root: string,
  record: BatchRecord,
  problem: string,
  hint: string,
): PipelineError {
  const entry = `${root}/${entryPath(record, record.start)}`;
  return new PipelineError('POSITION_CORRUPT', `ledger entry ${entry}: ${problem}`, {
    hint,
    context: { topic: record.topic, partition: record.partition, start: record.start, entry },
  });
}
