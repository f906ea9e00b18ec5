// What a running command tells whoever watches it: metrics and statistics. It decides nothing and may be left out.
import type { Batch } from './batch.ts';
import type { PipelineError } from './errors.ts';
import type { BatchRecord } from './ledger.ts';
import type { TopicPartition } from './range.ts';

/** Told by a consumer, synchronously and often: an implementation is quick and never throws. */
export interface ConsumerObserver {
  /** The topic partitions this process has from now on; all of them, after each join. */
  assigned(all: readonly TopicPartition[]): void;
  /** Records came from Kafka; `end` is where the topic partition ended then (its high watermark). */
  read(of: TopicPartition, records: number, end: bigint): void;
  /**
   * `batch` was delivered and readers see it. `standing` is the entry that decided it; `ours` is false when another writer
   * was first. `ms` is the time from the first staging to the end of placing.
   */
  placed(batch: Batch, standing: BatchRecord, ours: boolean, ms: number): void;
  /** A step of a delivery failed and is tried again. */
  retried(step: string, error: PipelineError): void;
}

/** Told by the producer. */
export interface ProducerObserver {
  /** Kafka acknowledged a send: records by topic partition, and the milliseconds it took, repetitions included. */
  sent(topic: string, byPartition: ReadonlyMap<number, number>, ms: number): void;
  /** A send failed and is tried again. */
  retried(error: PipelineError): void;
  /** The rotation is on this topic partition from now on, and was there for `spentMs` before. Told at the start and per switch. */
  onPartition(partition: number, spentMs: number): void;
}
