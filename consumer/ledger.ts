// The ledger as files: `_ledger/<topic>/<partition>/<start>.json`, `origin.json` and `roll-up-<number>.json`. An entry is
// written under another name first and renamed onto a free one: the file system lets exactly one writer win.
import { randomUUID } from 'node:crypto';
import type { FileSystem } from '../clients/files/file-system.ts';
import { type Clock, systemClock } from '../pipeline/clock.ts';
import { invariant, isCode, PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord, Ledger, RollUp } from '../pipeline/ledger.ts';
import { formatRange, type TopicPartition } from '../pipeline/range.ts';
import {
  formatEntry,
  formatOrigin,
  formatRollUp,
  parseEntry,
  parseOrigin,
  parseRollUp,
} from './ledger-entry.ts';
import { NewestRollUps } from './roll-up.ts';

/** What a ledger file is named by: the start of an entry, the first position, a roll-up by its number. */
type Name = bigint | 'origin' | `roll-up-${number}`;

/** Where everything is staged for a topic partition, in a directory for each name. Relative to the root. */
export function stagingOf(of: TopicPartition): string {
  return `_staging/${of.topic}/${of.partition}`;
}

/** Where attempts at one name write before it is decided. Once it is and its files are placed, all of it may be removed. */
export function stagingPath(of: TopicPartition, name: Name): string {
  return `${stagingOf(of)}/${name}`;
}

/** Where the entry at a start stands. Relative to the root. */
export function entryPath(of: TopicPartition, name: Name): string {
  return `_ledger/${of.topic}/${of.partition}/${name}.json`;
}

/** Throws what its FileSystem throws, and POSITION_CORRUPT for an entry that cannot be read as one. */
export class FileLedger implements Ledger {
  readonly #files: FileSystem;
  readonly #root: string;
  readonly #clock: Clock;
  readonly #newest = new NewestRollUps(async (of, number, signal) => {
    const file = this.#path(entryPath(of, `roll-up-${number}`));
    const content = await this.#files.read(file, signal);
    return content && parseRollUp(content, of, number, file);
  });

  /** `root` is the directory of the table: absolute, without a slash at its end. */
  constructor(files: FileSystem, root: string, clock: Clock = systemClock) {
    this.#files = files;
    this.#root = root;
    this.#clock = clock;
  }

  async origin(of: TopicPartition, wished: bigint, signal: AbortSignal): Promise<bigint> {
    const standing = await this.readOrigin(of, signal);
    if (standing !== undefined) return standing;
    const content = formatOrigin(of, wished, this.#clock.now());
    // Whoever was first removes what all others stage, under their hands too: what stands says how it went.
    const outcome = this.#decide(of, 'origin', randomUUID(), content, signal);
    const failed = await outcome.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const origin = await this.readOrigin(of, signal);
    if (origin === undefined) throw failed ? failed.error : this.#vanished(entryPath(of, 'origin'));
    await this.#files.remove(this.#path(stagingPath(of, 'origin')), signal);
    return origin;
  }

  async readOrigin(of: TopicPartition, signal: AbortSignal): Promise<bigint | undefined> {
    const file = this.#path(entryPath(of, 'origin'));
    const content = await this.#files.read(file, signal);
    return content && parseOrigin(content, of, file);
  }

  async commit(record: BatchRecord, signal: AbortSignal): Promise<BatchRecord> {
    invariant(record.end > record.start, `${formatRange(record)} holds no offset`);
    const { start, attempt } = record;
    const isOurs = await this.#decide(record, start, attempt, formatEntry(record), signal);
    const standing = isOurs ? record : await this.read(record, start, signal);
    // Only now: a name that a roll-up has freed could be taken again.
    await this.#newest.refuse(record, signal);
    if (standing === undefined) throw this.#vanished(entryPath(record, start));
    return standing;
  }

  async read(
    of: TopicPartition,
    start: bigint,
    signal: AbortSignal,
  ): Promise<BatchRecord | undefined> {
    const file = this.#path(entryPath(of, start));
    const content = await this.#files.read(file, signal);
    return content && parseEntry(content, of, start, file);
  }

  async rolledUp(of: TopicPartition, signal: AbortSignal): Promise<RollUp | undefined> {
    return this.#newest.of(of, signal);
  }

  async rollUp(record: RollUp, signal: AbortSignal): Promise<boolean> {
    const name = `roll-up-${record.number}` as const;
    return this.#decide(record, name, randomUUID(), formatRollUp(record), signal);
  }

  async forget(of: TopicPartition, starts: readonly bigint[], signal: AbortSignal): Promise<void> {
    for (const start of starts.toReversed()) {
      await this.#files.remove(this.#path(entryPath(of, start)), signal);
    }
  }

  async partitions(signal: AbortSignal): Promise<TopicPartition[]> {
    const found: TopicPartition[] = [];
    for (const topic of await this.#directories('_ledger', signal)) {
      for (const partition of await this.#directories(`_ledger/${topic}`, signal)) {
        const of = { topic, partition: Number(partition) };
        if (!/^\d+$/.test(partition)) continue;
        if (await this.#files.status(this.#path(entryPath(of, 'origin')), signal)) found.push(of);
      }
    }
    return found.sort((a, b) =>
      a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition,
    );
  }

  /**
   * Tries to be the first under this name. True: `content` stands there now. False: look what does; it may still be ours,
   * when the answer to the rename was lost and it happened nevertheless.
   */
  async #decide(
    of: TopicPartition,
    name: Name,
    attempt: string,
    content: Buffer,
    signal: AbortSignal,
  ): Promise<boolean> {
    const entry = this.#path(entryPath(of, name));
    // A name of its own for every try: a create that failed may have left a part of itself.
    const staged = this.#path(`${stagingPath(of, name)}/${attempt}/entry-${randomUUID()}.json`);
    await this.#files.create(staged, content, signal);
    try {
      return (await this.#files.renameNoReplace(staged, entry, signal)) === 'moved';
    } catch (error) {
      if (!isCode(error, 'SINK_OUTCOME_UNKNOWN')) throw error;
      if ((await this.#files.status(entry, signal)) === undefined) throw error;
      return false;
    }
  }

  async #directories(path: string, signal: AbortSignal): Promise<string[]> {
    const entries = (await this.#files.list(this.#path(path), signal)) ?? [];
    return entries.filter(({ type }) => type === 'directory').map(({ name }) => name);
  }

  #path(relative: string): string {
    return `${this.#root}/${relative}`;
  }

  #vanished(entry: string): PipelineError {
    return new PipelineError(
      'POSITION_CORRUPT',
      `the staged ledger entry for ${this.#path(entry)} vanished before it could be committed`,
      {
        hint: `Something else removes files from ${this.#root}/_staging. Keep it away from there and start again: nothing was committed.`,
        context: { file: this.#path(entry) },
      },
    );
  }
}
