// `--monitoring`: tells what is written where as it happens, and a summary each interval; a live table on a terminal.
import type { Batch } from '../pipeline/batch.ts';
import type { Clock } from '../pipeline/clock.ts';
import type { PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import type { Log } from '../pipeline/log.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import type { LiveTable } from './live-table.ts';
import { Statistics, type Summary } from './statistics.ts';

export interface MonitoringParts {
  readonly log: Log;
  readonly clock: Clock;
  /** Milliseconds between two summaries. */
  readonly intervalMs: number;
  /** Redrawn each second; undefined where no person watches. */
  readonly table?: LiveTable | undefined;
}

/** A batch over 1,000 locations shall not write 1,000 lines. */
const LOCATIONS_TOLD = 10;
const REDRAW_MS = 1000;
const TABLE_LOCATIONS = 8;

export class Monitoring implements ConsumerObserver {
  readonly #parts: MonitoringParts;
  readonly #statistics: Statistics;
  /** For the table. */
  readonly #second: Statistics | undefined;
  readonly #timers: readonly NodeJS.Timeout[];
  #total = 0;

  constructor(parts: MonitoringParts) {
    this.#parts = parts;
    this.#statistics = new Statistics(parts.clock);
    this.#second = parts.table && new Statistics(parts.clock);
    this.#timers = [
      setInterval(() => this.#tell(), parts.intervalMs),
      ...(parts.table ? [setInterval(() => this.#draw(), REDRAW_MS)] : []),
    ];
  }

  assigned(): void {}

  read(): void {}

  placed(batch: Batch, entry: BatchRecord, ours: boolean): void {
    this.#statistics.placed(batch, entry, ours);
    this.#second?.placed(batch, entry, ours);
    if (!ours) return;
    this.#total += batch.records.length;
    const { log } = this.#parts;
    const rows = new Map<string, number>();
    for (const file of entry.files) {
      rows.set(file.tablePartition, (rows.get(file.tablePartition) ?? 0) + file.rows);
    }
    for (const [location, count] of [...rows].slice(0, LOCATIONS_TOLD)) {
      log.info(`Processed ${count} messages, wrote to ${location}/`);
    }
    if (rows.size > LOCATIONS_TOLD) log.info(`and to ${rows.size - LOCATIONS_TOLD} more locations`);
    log.info(`Batch flush: ${entry.rows} records to ${rows.size} locations`);
  }

  retried(_step: string, _error: PipelineError): void {
    this.#statistics.retried();
    this.#second?.retried();
  }

  /** Tells the rest of the last interval. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#parts.table?.erase();
    this.#tell();
  }

  #tell(): void {
    const summary = this.#statistics.take();
    this.#parts.log.info(`Performance: ${summary.perSecond.toFixed(1)} msg/sec avg`, {
      messages: summary.messages,
      total: this.#total,
      latencyMs: rounded(summary.latencyMs),
      batches: summary.batches,
      recordsPerBatch: rounded(summary.recordsPerBatch),
      flushesPerMinute: round(summary.batchesPerMinute),
      locations: summary.locations.length,
      top: Object.fromEntries(summary.locations.slice(0, LOCATIONS_TOLD)),
      errorRate: summary.errorRate,
      retryRate: summary.retryRate,
    });
  }

  #draw(): void {
    if (this.#second) this.#parts.table?.draw(tableRows(this.#second.take(), this.#total));
  }
}

const round = (value: number) => Math.round(value * 10) / 10;

const rounded = (values: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]));

/** What the live table shows of the last second. */
function tableRows(last: Summary, total: number): readonly (readonly [string, string])[] {
  const { latencyMs, recordsPerBatch, locations } = last;
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    ['messages', `${last.perSecond.toFixed(1)} /s, ${total} in all`],
    ['latency', `${round(latencyMs.mean)} ms mean, ${round(latencyMs.p99)} ms p99`],
    ['batches', `${last.batches}, ${round(recordsPerBatch.mean)} records each`],
    ['dead letters', percent(last.errorRate)],
    ['retries', `${round(last.retryRate)} per batch`],
    ['locations', String(locations.length)],
    ...locations
      .slice(0, TABLE_LOCATIONS)
      .map(([name, rows]): [string, string] => [`  ${name}`, String(rows)]),
  ];
}
