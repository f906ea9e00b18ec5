// What lag tools see: the latest placed offset of each partition, committed in one request at a time and never backwards.
// Nobody's delivery waits for it for long, and nothing rests on it: the ledger holds the truth.
import { systemClock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';
import { withTimeout } from '../../pipeline/retry.ts';

export interface CommitDeps {
  /** Commits all of them at once; throws when that is refused or cannot be told. */
  readonly commit: (batches: readonly PlacedBatch[]) => Promise<void>;
  /** The offsets the group has committed, by the name of the topic partition (`formatTopicPartition`). */
  readonly committed: () => Promise<ReadonlyMap<string, { readonly offset: bigint }>>;
  readonly log: Log;
}

/** How long a commit may hold up a delivery. */
const WAIT_MS = 5000;

export class OffsetCommits {
  readonly #deps: CommitDeps;
  readonly #waiting = new Map<string, PlacedBatch>();
  #mine: ReadonlySet<string> = new Set();
  /**
   * The least offset that may be committed, by topic partition. Read after each join, as others may have had a partition since:
   * from then on only this process can commit its partitions. Undefined: not read yet.
   */
  #floors: Map<string, bigint> | undefined;
  #flight: { readonly since: number; landed: Promise<void> } | undefined;

  constructor(deps: CommitDeps) {
    this.#deps = deps;
  }

  /** Call it at every join. What waits for partitions that are others' now is dropped. */
  joined(all: readonly TopicPartition[]): void {
    this.#mine = new Set(all.map(formatTopicPartition));
    this.#floors = undefined;
    for (const name of this.#waiting.keys()) {
      if (!this.#mine.has(name)) this.#waiting.delete(name);
    }
    this.#fly();
  }

  /** Call it when the member is gone: what it has under way may never be told. */
  left(): void {
    this.#mine = new Set();
    this.#flight = undefined;
  }

  /**
   * Resolves when it, or a later one, is committed or refused, and at the latest after 5 s; never rejects. That of a partition
   * which others have is left to them.
   */
  async add(placed: PlacedBatch): Promise<void> {
    // Its delivery outlived a join: whoever has the partition now may have committed more.
    const name = formatTopicPartition(placed);
    if (this.#mine.size > 0 && !this.#mine.has(name)) return;
    const before = this.#waiting.get(name);
    if (before === undefined || placed.end >= before.end) this.#waiting.set(name, placed);
    await this.settled();
  }

  /** Resolves when nothing waits any more, and at the latest 5 s after the oldest request was sent. */
  async settled(): Promise<void> {
    this.#fly();
    const flight = this.#flight;
    if (flight === undefined) return;
    const leftMs = Math.max(0, flight.since + WAIT_MS - systemClock.monotonic());
    const late = () => new PipelineError('KAFKA_UNAVAILABLE', 'the commit is not answered yet');
    await withTimeout(flight.landed, leftMs, late).catch(() => undefined);
  }

  #fly(): void {
    if (this.#flight !== undefined || this.#waiting.size === 0 || this.#mine.size === 0) return;
    const flight = { since: systemClock.monotonic(), landed: Promise.resolve() };
    this.#flight = flight;
    const mine = this.#mine;
    const isCurrent = () => this.#flight === flight;
    flight.landed = this.#commitAll(isCurrent)
      .catch((error) =>
        this.#deps.log.debug('group offsets not committed', { why: describe(error) }),
      )
      .finally(() => {
        if (!isCurrent()) return;
        this.#flight = undefined;
        // A join came meanwhile and may be why it was refused. The next batch may be far away.
        if (mine !== this.#mine) this.#fly();
      });
  }

  /** Until nothing waits. What fails goes on waiting: for the next one, or for the next join. */
  async #commitAll(isCurrent: () => boolean): Promise<void> {
    while (this.#waiting.size > 0) {
      const floors = await this.#readFloors();
      if (!isCurrent()) return;
      const taken = [...this.#waiting];
      const ahead = taken.filter(([name, { end }]) => end >= (floors.get(name) ?? 0n));
      if (ahead.length > 0) await this.#deps.commit(ahead.map(([, placed]) => placed));
      if (!isCurrent()) return;
      for (const [name, { end }] of ahead) floors.set(name, end);
      for (const [name, placed] of taken) {
        if (this.#waiting.get(name) === placed) this.#waiting.delete(name);
      }
    }
  }

  /** Asked again when a join came between: what was true before it is not any more. */
  async #readFloors(): Promise<Map<string, bigint>> {
    while (this.#floors === undefined) {
      const mine = this.#mine;
      const committed = await this.#deps.committed();
      if (mine !== this.#mine) continue;
      this.#floors = new Map([...committed].map(([name, { offset }]) => [name, offset]));
    }
    return this.#floors;
  }
}
