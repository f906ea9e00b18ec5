// Counts what was placed, and says every few seconds how fast it goes and how far it is.
import type { Clock } from '../pipeline/clock.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import type { Log } from '../pipeline/log.ts';
import { formatTopicPartition } from '../pipeline/range.ts';
import type { Lane } from './lane.ts';

const REPORT_MS = 10_000;

export class Progress {
  readonly #log: Log;
  readonly #clock: Clock;
  #batches = 0;
  #rows = 0;
  #deadLetters = 0;
  #skipped = 0;
  #reportedAt: number;
  #reportedRows = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#reportedAt = clock.monotonic();
  }

  placed(entry: BatchRecord): void {
    this.#batches += 1;
    this.#rows += entry.rows;
    this.#deadLetters += entry.deadLetters;
    this.#skipped += entry.skipped;
  }

  /** Call it often; it reports rarely, and only when something was placed since. */
  tick(lanes: readonly Lane[]): void {
    const now = this.#clock.monotonic();
    const ms = now - this.#reportedAt;
    if (ms < REPORT_MS) return;
    const rows = this.#rows - this.#reportedRows;
    this.#reportedAt = now;
    this.#reportedRows = this.#rows;
    if (rows === 0) return;
    this.#log.info('progress', {
      ...this.summary(),
      rowsPerSecond: Math.round((rows * 1000) / ms),
      positions: Object.fromEntries(
        lanes.map((lane) => [formatTopicPartition(lane.of), lane.position.toString()]),
      ),
    });
  }

  /** Since the start of this process; entries of other writers that were met count too. */
  summary() {
    return {
      batches: this.#batches,
      rows: this.#rows,
      deadLetters: this.#deadLetters,
      skipped: this.#skipped,
    };
  }
}
