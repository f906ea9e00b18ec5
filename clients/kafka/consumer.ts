// A group consumer of one topic over kafkajs, without its surprises: positions are set from outside, nothing is
// committed by itself, offsets without records are reported, and a consumer that kafkajs gave up ends with an error.
import type { Consumer, Batch as KafkaBatch, KafkaMessage } from 'kafkajs';
import type { Config } from '../../params/schema.ts';
import type { Log } from '../../pipeline/log.ts';
import type { OffsetRange } from '../../pipeline/range.ts';
import type { PipelineRecord, RecordHeaders } from '../../pipeline/record.ts';
import { deferred } from '../../pipeline/retry.ts';
import { connectKafka } from './connection.ts';
import { kafkaError } from './errors.ts';

export interface GroupConsumerOptions {
  readonly topic: string;
  readonly group: string;
  readonly sessionTimeoutMs: number;
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
/** As fast as kafkajs' 1 MB, with 30 MB less: a record kept alive keeps its whole fetch response alive. */
const FETCH_BYTES_PER_PARTITION = 256 * 1024;
const RETRY = { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 };
/** How soon partitions that were added to the topic are noticed. */
const METADATA_AGE_MS = 30_000;

export class GroupConsumer {
  readonly #topic: string;
  readonly #group: string;
  readonly #consumer: Consumer;
  readonly #log: Log;
  readonly #failure = deferred<never>();

  private constructor(consumer: Consumer, options: GroupConsumerOptions, log: Log) {
    this.#consumer = consumer;
    this.#topic = options.topic;
    this.#group = options.group;
    this.#log = log;
    this.#failure.promise.catch(() => {});
  }

  static create(config: Config['kafka'], options: GroupConsumerOptions, log: Log): GroupConsumer {
    const consumer = connectKafka(config, log).consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.min(3000, Math.floor(options.sessionTimeoutMs / 4)),
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      metadataMaxAge: METADATA_AGE_MS,
      retry: RETRY,
    });
    return new GroupConsumer(consumer, options, log);
  }

  /** Joins the group and starts to call `listener`. Throws KAFKA_UNAVAILABLE or KAFKA_REJECTED. Call it once. */
  async run(listener: GroupConsumerListener): Promise<void> {
    this.#listen(listener);
    try {
      await this.#consumer.connect();
      // Where kafkajs itself would start does not matter: every partition is sought before it is fetched.
      await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: async ({ batch, resolveOffset }) => {
          const last = hand(listener, batch);
          if (last !== undefined) resolveOffset(last);
        },
      });
    } catch (error) {
      throw kafkaError(error, `joining consumer group ${this.#group}`, {
        topic: this.#topic,
        group: this.#group,
      });
    }
  }

  /** Rejects when kafkajs has given up for good; never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** The next fetch of this partition starts at `offset`. Local: nothing is committed. */
  seek(partition: number, offset: bigint): void {
    this.#consumer.seek({ topic: this.#topic, partition, offset: offset.toString() });
  }

  pause(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    this.#consumer.pause([{ topic: this.#topic, partitions: [...partitions] }]);
  }

  resume(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    this.#consumer.resume([{ topic: this.#topic, partitions: [...partitions] }]);
  }

  /**
   * Commits `range.end` as the group's offset, with `range.start` as its metadata: what lag tools show. A refusal
   * (the partition has moved on) is no error, because the ledger holds the truth.
   */
  async commit(range: OffsetRange): Promise<void> {
    const { topic, partition } = range;
    try {
      await this.#consumer.commitOffsets([
        { topic, partition, offset: range.end.toString(), metadata: range.start.toString() },
      ]);
    } catch (error) {
      const failure = kafkaError(error, `committing the offset of group ${this.#group}`);
      this.#log.debug('group offset not committed', { topic, partition, why: failure.message });
    }
  }

  /** Leaves the group, so that others take the partitions at once. */
  async close(): Promise<void> {
    await this.#consumer.disconnect();
  }

  #listen(listener: GroupConsumerListener): void {
    const { GROUP_JOIN, END_BATCH_PROCESS, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      listener.assigned(payload.memberAssignment[this.#topic] ?? []);
    });
    // Batches of only aborted or control records never reach eachBatch; kafkajs passes over them by itself.
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      const { batchSize, partition, firstOffset, lastOffset } = payload;
      if (batchSize > 0) return;
      listener.passedOver(partition, BigInt(firstOffset ?? lastOffset), BigInt(lastOffset) + 1n);
    });
    this.#consumer.on(CRASH, ({ payload }) => {
      const context = { topic: this.#topic, group: this.#group };
      const failure = kafkaError(payload.error, `reading topic ${this.#topic}`, context);
      if (payload.restart) this.#log.warn('the Kafka consumer restarts', { why: failure.message });
      else this.#failure.reject(failure);
    });
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
