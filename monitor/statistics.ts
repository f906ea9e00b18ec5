// Statistics of a consumer over a stretch of time: how many, how fast, how late, where. Counts; prints nothing.
import { createHistogram } from 'node:perf_hooks';
import type { Batch } from '../pipeline/batch.ts';
import type { Clock } from '../pipeline/clock.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';

/** What happened in `seconds`. Means and shares are 0 where nothing happened. */
export interface Summary {
  readonly seconds: number;
  /** Records that became something: rows, dead letters, skipped ones. */
  readonly messages: number;
  readonly perSecond: number;
  /** Milliseconds from a record's Kafka timestamp until readers saw it. */
  readonly latencyMs: { readonly mean: number; readonly p99: number };
  readonly batches: number;
  readonly batchesPerMinute: number;
  readonly recordsPerBatch: { readonly mean: number; readonly max: number };
  /** Rows by location (table partition), most first. */
  readonly locations: readonly (readonly [string, number])[];
  /** Dead letters per message, 0 to 1. */
  readonly errorRate: number;
  /** Steps tried again, per batch. */
  readonly retryRate: number;
}

/** Locations are counted up to this number; rows of further ones are counted together. */
const LOCATIONS_MAX = 10_000;
export const FURTHER = 'further locations';

/** A batch that another writer had placed first is none of ours and is not counted. */
export class Statistics implements Omit<ConsumerObserver, 'assigned' | 'read'> {
  readonly #clock: Clock;
  readonly #latency = createHistogram();
  readonly #locations = new Map<string, number>();
  #began: number;
  #messages = 0;
  #deadLetters = 0;
  #batches = 0;
  #largest = 0;
  #retries = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.monotonic();
  }

  placed({ records }: Batch, entry: BatchRecord, ours: boolean): void {
    if (!ours) return;
    this.#batches += 1;
    this.#messages += records.length;
    this.#deadLetters += entry.deadLetters;
    this.#largest = Math.max(this.#largest, records.length);
    const now = this.#clock.now();
    // The histogram takes whole numbers from 1 on.
    for (const { timestamp } of records) this.#latency.record(Math.max(1, now - timestamp));
    for (const { tablePartition, rows } of entry.files) this.#add(tablePartition, rows);
  }

  retried(): void {
    this.#retries += 1;
  }

  /** What happened since the last call, or since this was made; begins anew. */
  take(): Summary {
    const now = this.#clock.monotonic();
    const seconds = (now - this.#began) / 1000;
    const [messages, batches] = [this.#messages, this.#batches];
    const per = (count: number, of: number) => (of === 0 ? 0 : count / of);
    const summary = {
      seconds,
      messages,
      perSecond: per(messages, seconds),
      latencyMs: {
        mean: messages === 0 ? 0 : this.#latency.mean,
        p99: messages === 0 ? 0 : this.#latency.percentile(99),
      },
      batches,
      batchesPerMinute: per(batches, seconds / 60),
      recordsPerBatch: { mean: per(messages, batches), max: this.#largest },
      locations: [...this.#locations].sort(([, a], [, b]) => b - a),
      errorRate: per(this.#deadLetters, messages),
      retryRate: per(this.#retries, batches),
    };
    this.#latency.reset();
    this.#locations.clear();
    this.#began = now;
    this.#messages = this.#deadLetters = this.#batches = this.#largest = this.#retries = 0;
    return summary;
  }

  #add(location: string, rows: number): void {
    const isKnown = this.#locations.has(location) || this.#locations.size < LOCATIONS_MAX;
    const name = isKnown ? location : FURTHER;
    this.#locations.set(name, (this.#locations.get(name) ?? 0) + rows);
  }
}
