// What a consumer tells, as metrics: records read, written, dead-lettered, skipped; batches, lag, retries, latency.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Batch } from '../pipeline/batch.ts';
import type { Clock } from '../pipeline/clock.ts';
import type { PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import { PREFIX, SECONDS_BUCKETS } from './metrics.ts';

const OF = ['topic', 'partition'] as const;
const BATCH_BUCKETS = [1, 10, 50, 100, 500, 1000, 5000, 10_000, 50_000, 100_000];

/** Where a topic partition ends, and where it is placed to; undefined until that is told. */
interface Standing {
  readonly of: TopicPartition;
  end?: bigint;
  position?: bigint;
}

/**
 * Registers its metrics in `registry`. Counts what this process did: a batch that another writer had placed first counts in
 * `batches_total` alone, so that the sum over a fleet is what was written.
 */
export class ConsumerMetrics implements ConsumerObserver {
  readonly #clock: Clock;
  readonly #read;
  readonly #written;
  readonly #deadLettered;
  readonly #skipped;
  readonly #bytes;
  readonly #batches;
  readonly #retries;
  readonly #delivery;
  readonly #latency;
  readonly #batchRecords;
  #assigned = new Map<string, Standing>();

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    const counter = <T extends string>(name: string, help: string, labelNames: readonly T[]) =>
      new Counter({ name: `${PREFIX}${name}`, help, labelNames, registers: [registry] });
    const histogram = (name: string, help: string, buckets: readonly number[]) =>
      new Histogram({
        name: `${PREFIX}${name}`,
        help,
        buckets: [...buckets],
        registers: [registry],
      });
    this.#read = counter(
      'records_read_total',
      'Records that came from Kafka; after a join some come again',
      OF,
    );
    this.#written = counter('records_written_total', 'Records readers see', OF);
    this.#deadLettered = counter('records_dead_lettered_total', 'Records set aside', OF);
    this.#skipped = counter('records_skipped_total', 'Repeats and tombstones passed over', OF);
    this.#bytes = counter('written_bytes_total', 'Bytes of the files that were placed', OF);
    this.#batches = counter('batches_total', 'Batches delivered', [...OF, 'writer']);
    this.#retries = counter('retries_total', 'Steps tried again', ['step', 'code']);
    this.#delivery = histogram('delivery_seconds', 'From staging to placed', SECONDS_BUCKETS);
    this.#latency = histogram(
      'record_latency_seconds',
      "From a record's Kafka timestamp until readers see it",
      SECONDS_BUCKETS,
    );
    this.#batchRecords = histogram('batch_records', 'Records per batch', BATCH_BUCKETS);
    this.#registerLag(registry);
  }

  assigned(all: readonly TopicPartition[]): void {
    const before = this.#assigned;
    this.#assigned = new Map(
      all.map((of) => {
        const name = formatTopicPartition(of);
        return [name, before.get(name) ?? { of }];
      }),
    );
  }

  read({ topic, partition }: TopicPartition, records: number, end: bigint): void {
    this.#read.inc({ topic, partition }, records);
    const standing = this.#assigned.get(formatTopicPartition({ topic, partition }));
    if (standing) standing.end = end;
  }

  placed({ records }: Batch, entry: BatchRecord, ours: boolean, ms: number): void {
    const { topic, partition } = entry;
    const of = { topic, partition };
    const standing = this.#assigned.get(formatTopicPartition(of));
    if (standing) standing.position = entry.end;
    this.#batches.inc({ ...of, writer: ours ? 'own' : 'other' });
    if (!ours) return;
    this.#written.inc(of, entry.rows);
    this.#deadLettered.inc(of, entry.deadLetters);
    this.#skipped.inc(of, entry.skipped);
    this.#bytes.inc(
      of,
      entry.files.reduce((sum, file) => sum + file.bytes, 0),
    );
    this.#delivery.observe(ms / 1000);
    this.#batchRecords.observe(records.length);
    const now = this.#clock.now();
    // A clock that lags behind the sender's would make it negative.
    for (const { timestamp } of records) {
      this.#latency.observe(Math.max(0, now - timestamp) / 1000);
    }
  }

  retried(step: string, { code }: PipelineError): void {
    this.#retries.inc({ step, code });
  }

  /** Computed when asked for, of what this process holds now: what moved to another process is no longer told here. */
  #registerLag(registry: Registry): void {
    const assigned = () => this.#assigned.values();
    new Gauge({
      name: `${PREFIX}consumer_lag`,
      help: 'Offsets of a topic partition that readers do not see yet',
      labelNames: OF,
      registers: [registry],
      collect() {
        this.reset();
        for (const { of, end, position } of assigned()) {
          if (end === undefined || position === undefined) continue;
          this.set({ ...of }, Number(end > position ? end - position : 0n));
        }
      },
    });
  }
}
