// Parts of files that grow on HDFS, from staging until they are placed. CONCAT takes parts of the file's own directory only, so
// they are staged there, under names that no reader looks at and that say of which batch they are. A part that was staged in vain
// is removed by the process that staged it, or found by a walk over all locations when that process has died.
import type { FileSystem } from '../../clients/files/file-system.ts';
import type { Clock } from '../../pipeline/clock.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import {
  formatTopicPartition,
  type OffsetRange,
  type TopicPartition,
} from '../../pipeline/range.ts';
import { forEachParallel } from './staged-files.ts';
import { standingLocations } from './standing-locations.ts';

/** Topics have no `+` in their names. */
const NAME = /^_part\+(?<topic>[^+]+)\+(?<partition>\d+)\+(?<start>\d+)\+/;
/** The topic partitions of a process are swept one after the other: one walk does for all of them. */
const WALK_MS = 60_000;

interface Found {
  readonly path: string;
  readonly of: TopicPartition;
  readonly start: bigint;
}

interface Attempt {
  readonly id: string;
  readonly start: bigint;
  readonly paths: string[];
}

export class LocationParts {
  readonly #files: FileSystem;
  readonly #root: string;
  readonly #clock: Clock;
  /** By the name of the topic partition: the attempts of this process whose batch is not placed yet. */
  readonly #staged = new Map<string, Attempt[]>();
  #walked: { readonly at: number; readonly found: readonly Found[] } | undefined;

  constructor(files: FileSystem, root: string, clock: Clock) {
    this.#files = files;
    this.#root = root;
    this.#clock = clock;
  }

  /** Path of a part, relative to the root; to be asked for before it is written. */
  stage(range: OffsetRange, location: string, attempt: string): string {
    const { topic, partition, start } = range;
    const path = `${location}/_part+${topic}+${partition}+${start}+${attempt}`;
    this.#attempt(range, attempt).paths.push(path);
    return path;
  }

  /**
   * `record` is placed: removes what other attempts of this process left at its start, and before. One that starts behind it
   * may have been committed without our knowing, or will be late.
   */
  async placed(record: BatchRecord, signal: AbortSignal): Promise<void> {
    const name = formatTopicPartition(record);
    const attempts = this.#staged.get(name) ?? [];
    const inVain = attempts.filter(({ id, start }) => {
      return id !== record.attempt && start <= record.start;
    });
    await this.#remove(
      inVain.flatMap(({ paths }) => paths),
      signal,
    );
    const left = attempts.filter(({ start }) => start > record.start);
    if (left.length > 0) this.#staged.set(name, left);
    else this.#staged.delete(name);
  }

  /** Removes what anybody left for starts before `position`: these are decided and placed. Lists every location. */
  async sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void> {
    const name = formatTopicPartition(of);
    const inVain = (await this.#found(signal)).filter(
      (part) => formatTopicPartition(part.of) === name && part.start < position,
    );
    await this.#remove(
      inVain.map(({ path }) => path),
      signal,
    );
  }

  #attempt(range: OffsetRange, id: string): Attempt {
    const name = formatTopicPartition(range);
    const attempts = this.#staged.get(name) ?? [];
    this.#staged.set(name, attempts);
    const known = attempts.find((attempt) => attempt.id === id);
    if (known) return known;
    const attempt = { id, start: range.start, paths: [] };
    attempts.push(attempt);
    return attempt;
  }

  async #remove(paths: readonly string[], signal: AbortSignal): Promise<void> {
    await forEachParallel(paths, (path) => this.#files.remove(`${this.#root}/${path}`, signal));
  }

  async #found(signal: AbortSignal): Promise<readonly Found[]> {
    const at = this.#clock.monotonic();
    if (this.#walked && at - this.#walked.at < WALK_MS) return this.#walked.found;
    const locations = await standingLocations(this.#files, this.#root, signal);
    const found = await forEachParallel(locations, (path) => this.#partsIn(path, signal));
    this.#walked = { at, found: found.flat() };
    return this.#walked.found;
  }

  async #partsIn(location: string, signal: AbortSignal): Promise<Found[]> {
    const entries = (await this.#files.list(`${this.#root}/${location}`, signal)) ?? [];
    return entries.flatMap(({ name }) => {
      const { topic = '', partition, start } = NAME.exec(name)?.groups ?? {};
      if (start === undefined) return [];
      const of = { topic, partition: Number(partition) };
      return [{ path: `${location}/${name}`, of, start: BigInt(start) }];
    });
  }
}
