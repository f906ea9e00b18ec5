// The housekeeping of a running consumer, in the background: what late requests left in staging is removed, old ledger entries
// are rolled up. Nothing depends on it, so a failure is told and tried again later.
import type { Clock } from '../pipeline/clock.ts';
import { describe } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import type { Sink } from '../pipeline/sink.ts';
import { rollUp } from './roll-up.ts';

export interface UpkeepParts {
  readonly sink: Pick<Sink, 'sweep' | 'ledger'>;
  readonly keepDays: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** A topic partition, and its position: everything before it is placed. */
export interface Tended {
  readonly of: TopicPartition;
  readonly position: bigint;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** A start has better things to do; and so has a group that is just being formed anew. */
const FIRST_MS = 60_000;
const ENTRIES_MIN = 100;
const ENTRIES_MAX = 2000;

export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #abort = new AbortController();
  /** Monotonic milliseconds from which on a topic partition may be tended. */
  readonly #due = new Map<string, number>();
  #running: Promise<void> | undefined;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** To be called by a timer. Each topic partition is tended a minute after it was first seen, then once a day, one at a time. */
  tick(lanes: readonly Tended[]): void {
    const now = this.#parts.clock.monotonic();
    for (const { of, position } of lanes) {
      const name = formatTopicPartition(of);
      const due = this.#due.get(name) ?? now + FIRST_MS;
      this.#due.set(name, due);
      if (this.#running || now < due) continue;
      this.#due.set(name, now + DAY_MS);
      this.#running = this.#tend({ of, position }).then((isMore) => {
        if (isMore) this.#due.set(name, now + FIRST_MS);
        this.#running = undefined;
      });
    }
  }

  /** Tends all of them now, until `signal` aborts: for a consumer that may end before its first minute is over. */
  async tendAll(lanes: readonly Tended[], signal: AbortSignal): Promise<void> {
    for (const lane of lanes) {
      await this.#running;
      if (!signal.aborted) await this.#tend(lane);
    }
  }

  async close(): Promise<void> {
    this.#abort.abort(new Error('the consumer ends'));
    await this.#running;
  }

  /** True when there is more to roll up than was done at once. */
  async #tend({ of, position }: Tended): Promise<boolean> {
    const { sink, keepDays, clock, log } = this.#parts;
    const { signal } = this.#abort;
    try {
      signal.throwIfAborted();
      const now = clock.now();
      const before = now - keepDays * DAY_MS;
      const rule = { before, entriesMin: ENTRIES_MIN, entriesMax: ENTRIES_MAX };
      const entries = await rollUp(sink.ledger, of, rule, now, signal);
      // Behind the roll-up, which leaves something in staging, too.
      await sink.sweep(of, position, signal);
      if (entries > 0) log.info('old ledger entries are rolled up', { ...of, entries });
      return entries === ENTRIES_MAX;
    } catch (error) {
      const told = { ...of, why: describe(error) };
      if (!signal.aborted) log.warn('housekeeping failed; it is tried again tomorrow', told);
      return false;
    }
  }
}
