// A group consumer of one topic over kafkajs, without its surprises: positions are set from outside, nothing is
// committed by itself, offsets without records are reported, and a consumer that kafkajs gave up ends with an error.
import type { Consumer, Kafka, Batch as KafkaBatch, KafkaMessage } from 'kafkajs';
import type { Config } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';
import type { PipelineRecord, RecordHeaders } from '../../pipeline/record.ts';
import { deferred, withTimeout } from '../../pipeline/retry.ts';
import { connectKafka, disconnectKafka, KAFKA_RETRY } from './connection.ts';
import { kafkaError } from './errors.ts';

export interface GroupConsumerOptions {
  readonly topic: string;
  readonly group: string;
  readonly sessionTimeoutMs: number;
  /** How long Kafka may be away before the consumer fails. */
  readonly retryMs: number;
}

/** Called by the consumer, never at the same time as each other. None of them may block. */
export interface GroupConsumerListener {
  /** After every join, synchronously, before anything is fetched: the partitions that are ours now. */
  assigned(partitions: readonly number[]): void;
  /**
   * Records of one partition in order of offset. They were fetched from `fetchedOffset`; the next fetch starts at
   * `nextOffset`, which lies behind the last record where offsets hold none. False: have them again later.
   */
  records(
    partition: number,
    fetchedOffset: bigint,
    records: readonly PipelineRecord[],
    nextOffset: bigint,
  ): boolean;
  /** The offsets `[firstOffset, nextOffset)` hold no record for us (transaction markers, aborted records). */
  passedOver(partition: number, firstOffset: bigint, nextOffset: bigint): void;
}

/** How long kafkajs waits in a fetch without data; also how fast a resumed partition is fetched again. */
const FETCH_WAIT_MS = 100;
/** As fast as kafkajs' 1 MB, with far less memory: a record kept alive keeps its whole fetch response alive. */
const FETCH_BYTES_PER_PARTITION = 512 * 1024;
/** How soon partitions that were added to the topic are noticed. */
const METADATA_AGE_MS = 30_000;
/** A commit is for lag tools only, and must not hold up a delivery. */
const COMMIT_MS = 5000;
/** A member that waits for a join answers late. */
const CLOSE_MS = 5000;

export class GroupConsumer {
  readonly #options: GroupConsumerOptions;
  readonly #kafka: Kafka;
  readonly #consumer: Consumer;
  readonly #log: Log;
  readonly #failure = deferred<never>();
  /** False before the first join and while kafkajs restarts: it has no group then, and seek and pause would throw. */
  #isMember = false;
  /** Monotonic milliseconds of the first crash since the last join. */
  #downSince: number | undefined;

  private constructor(kafka: Kafka, consumer: Consumer, options: GroupConsumerOptions, log: Log) {
    this.#kafka = kafka;
    this.#consumer = consumer;
    this.#options = options;
    this.#log = log;
    this.#failure.promise.catch(() => {});
  }

  static create(config: Config['kafka'], options: GroupConsumerOptions, log: Log): GroupConsumer {
    const kafka = connectKafka(config, log);
    const consumer = kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.min(3000, Math.floor(options.sessionTimeoutMs / 4)),
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      metadataMaxAge: METADATA_AGE_MS,
      retry: KAFKA_RETRY,
    });
    return new GroupConsumer(kafka, consumer, options, log);
  }

  /**
   * Joins the group and starts to call `listener`. Call it once. Throws KAFKA_UNAVAILABLE, KAFKA_REJECTED, KAFKA_TLS.
   * It cannot be aborted; `close` ends it.
   */
  async run(listener: GroupConsumerListener): Promise<void> {
    const { topic, group } = this.#options;
    this.#listen(listener);
    try {
      await this.#consumer.connect();
      // Where kafkajs itself would start does not matter: every partition is sought before it is fetched.
      await this.#consumer.subscribe({ topic, fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, resolveOffset }) => {
          const last = hand(listener, batch);
          if (last !== undefined) resolveOffset(last);
        },
      });
    } catch (error) {
      throw kafkaError(error, `joining consumer group ${group}`, { topic, group });
    }
  }

  /** Rejects when kafkajs has given up, or was down for `retryMs`; never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** The next fetch of this partition starts at `offset`. Local: nothing is committed. Void while not a member. */
  seek(partition: number, offset: bigint): void {
    const { topic } = this.#options;
    if (this.#isMember) this.#consumer.seek({ topic, partition, offset: offset.toString() });
  }

  /** Void while not a member: the next `assigned` decides again. */
  pause(partitions: readonly number[]): void {
    if (this.#isMember) this.#consumer.pause(this.#named(partitions));
  }

  /** Void while not a member: the next `assigned` decides again. */
  resume(partitions: readonly number[]): void {
    if (this.#isMember) this.#consumer.resume(this.#named(partitions));
  }

  /**
   * Commits `placed.end` as the group's offset, with its start and attempt as metadata: what lag tools show. A refusal
   * (the partition has moved on) is no error, because the ledger holds the truth.
   */
  async commit(placed: PlacedBatch): Promise<void> {
    const { topic, partition, start, end, attempt } = placed;
    const offsets = [{ topic, partition, offset: `${end}`, metadata: `${start} ${attempt}` }];
    const doing = `committing the offset of group ${this.#options.group}`;
    const late = () => new PipelineError('KAFKA_UNAVAILABLE', `${doing}: no answer`);
    try {
      await withTimeout(this.#consumer.commitOffsets(offsets), COMMIT_MS, late);
    } catch (error) {
      const failure = kafkaError(error, doing);
      this.#log.debug('group offset not committed', { topic, partition, why: failure.message });
    }
  }

  /** Leaves the group, so that others take the partitions at once. Never throws. */
  async close(): Promise<void> {
    await disconnectKafka(this.#kafka, [this.#consumer], CLOSE_MS);
  }

  #named(partitions: readonly number[]): { topic: string; partitions: number[] }[] {
    return partitions.length === 0
      ? []
      : [{ topic: this.#options.topic, partitions: [...partitions] }];
  }

  #listen(listener: GroupConsumerListener): void {
    const { GROUP_JOIN, END_BATCH_PROCESS, CRASH, STOP } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#isMember = true;
      this.#downSince = undefined;
      listener.assigned(payload.memberAssignment[this.#options.topic] ?? []);
    });
    // Batches of only aborted or control records never reach eachBatch; kafkajs passes over them by itself.
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      const { batchSize, partition, firstOffset, lastOffset } = payload;
      if (batchSize > 0) return;
      listener.passedOver(partition, BigInt(firstOffset ?? lastOffset), BigInt(lastOffset) + 1n);
    });
    this.#consumer.on(STOP, () => {
      this.#isMember = false;
    });
    this.#consumer.on(CRASH, ({ payload }) => this.#crashed(payload));
  }

  /** kafkajs starts itself again after what may pass, for ever; after the rest it is dead. */
  #crashed({ error, restart }: { error: Error; restart: boolean }): void {
    this.#isMember = false;
    const { topic, group, retryMs } = this.#options;
    const failure = kafkaError(error, `reading topic ${topic}`, { topic, group });
    const now = systemClock.monotonic();
    this.#downSince ??= now;
    if (restart && now - this.#downSince <= retryMs) {
      this.#log.warn('the Kafka consumer restarts', { why: failure.message });
    } else {
      this.#failure.reject(failure);
    }
  }
}

/** Hands one fetched batch to the listener; returns the last offset that may be left behind, if any. */
function hand(listener: GroupConsumerListener, batch: KafkaBatch): string | undefined {
  // `fetchedOffset` is there in 2.2.4 but not in its types. firstOffset() would jump over compacted records.
  const fetched = BigInt((batch as KafkaBatch & { fetchedOffset: string }).fetchedOffset);
  const last = batch.lastOffset();
  const records = batch.messages.map(toRecord);
  return listener.records(batch.partition, fetched, records, BigInt(last) + 1n) ? last : undefined;
}

function toRecord(message: KafkaMessage): PipelineRecord {
  return {
    offset: BigInt(message.offset),
    timestamp: Number(message.timestamp),
    key: message.key,
    value: message.value,
    headers: toHeaders(message.headers),
  };
}

function toHeaders(headers: KafkaMessage['headers']): RecordHeaders | undefined {
  const entries = Object.entries(headers ?? {});
  if (entries.length === 0) return undefined;
  const buffers = (value: (typeof entries)[number][1]) =>
    (Array.isArray(value) ? value : [value]).map((one) => Buffer.from(one ?? ''));
  return Object.fromEntries(entries.map(([name, value]) => [name, buffers(value)]));
}
