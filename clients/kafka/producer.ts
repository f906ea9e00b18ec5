// Sends records so that a repeated send is recognised by the broker: idempotent, acks=all, one send at a time.
import {
  type Kafka,
  type Message,
  Partitioners,
  type PartitionMetadata,
  type Producer,
} from 'kafkajs';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { deferred, withTimeout } from '../../pipeline/retry.ts';
import { COMPRESSIONS, type Compression } from './codecs.ts';
import {
  awaitKafka,
  connectKafka,
  disconnectKafka,
  KAFKA_RETRY,
  type KafkaSettings,
} from './connection.ts';
import { kafkaError, kafkaErrorType, SEQUENCE_TYPES } from './errors.ts';
import { type Chunk, type Lanes, planSend } from './send-plan.ts';

/** A record above this is refused here with its size: the broker's limit of 1,048,588 minus the batch header. */
export const KAFKA_RECORD_BYTES_MAX = 1_048_588 - 100;
/** Partition numbers are looked up again after this time, so that added ones are used. */
const PARTITIONS_AGE_MS = 5 * 60_000;

/** About 8 s: then the caller hears of it, and repeats the very same send as long as it likes. */
const SENDER_RETRY = { ...KAFKA_RETRY, retries: 10 } as const;

export interface SenderOptions {
  /** For topics whose `max.message.bytes` is not the broker's default. */
  readonly recordBytesMax?: number;
  /** How record batches are packed; none by default. */
  readonly compression?: Compression;
}

/** What is still to be sent of one call. */
interface Plan {
  readonly topic: string;
  readonly records: readonly OutgoingRecord[];
  readonly lanes: Lanes;
  /** Records per topic partition, sent or not. */
  readonly counts: ReadonlyMap<number, number>;
}

/**
 * An idempotent producer. kafkajs gives the sequence numbers of a failed send to whatever is sent next: if the
 * failed one had been written after all, the broker would take the next for its repetition and drop it. So sends
 * run one after another, each chunk goes to one topic partition only, and after a failure either the very same
 * records are sent again (then the broker recognises them), or a new producer takes over.
 */
export class KafkaSender {
  readonly #kafka: Kafka;
  readonly #recordBytesMax: number;
  readonly #compression: number;
  readonly #partitioner = Partitioners.DefaultPartitioner();
  readonly #metadata = new Map<string, { at: number; partitions: PartitionMetadata[] }>();
  readonly #admin;
  #producer: Producer;
  #queue: Promise<unknown> = Promise.resolve();
  #unfinished: Plan | undefined;
  #mustRenew = false;

  private constructor(kafka: Kafka, options: SenderOptions) {
    this.#kafka = kafka;
    this.#recordBytesMax = options.recordBytesMax ?? KAFKA_RECORD_BYTES_MAX;
    this.#compression = COMPRESSIONS[options.compression ?? 'none'];
    this.#producer = newProducer(kafka);
    this.#admin = kafka.admin();
  }

  /** Connects and logs in within `startMs`; errors as `KafkaAdmin.open`. */
  static async open(
    config: KafkaSettings,
    log: Log,
    signal: AbortSignal,
    startMs = 12_000,
    options: SenderOptions = {},
  ): Promise<KafkaSender> {
    const reachable = await awaitKafka(config, log, signal, startMs);
    const kafka = connectKafka(reachable, log, SENDER_RETRY);
    const sender = new KafkaSender(kafka, options);
    const doing = `open a producer on Kafka at ${config.brokers.join(', ')}`;
    const silent = () =>
      new PipelineError('KAFKA_UNAVAILABLE', `cannot ${doing}: no answer in ${startMs} ms`);
    try {
      const connecting = Promise.all([sender.#producer.connect(), sender.#admin.connect()]);
      await withTimeout(connecting, startMs, silent, signal);
      return sender;
    } catch (error) {
      await sender.close();
      if (signal.aborted) throw signal.reason;
      throw kafkaError(error, doing);
    }
  }

  /**
   * Resolves with the number of records per topic partition when every one is acknowledged by all in-sync replicas,
   * in order within a topic partition. A
   * record without `partition` goes where kafkajs' and Java's partitioner put its key. After KAFKA_UNAVAILABLE
   * call it again with the same array: what was acknowledged is not sent again and nothing is doubled. Throws
   * KAFKA_REJECTED for a record above the limit (nothing is sent then), a missing topic or a missing right.
   * An abort ends the waiting, not the sending: whether the records arrive is then open.
   */
  send(
    topic: string,
    records: readonly OutgoingRecord[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    const turn = this.#queue.then(() => this.#sendNow(topic, records, signal));
    this.#queue = turn.catch(() => undefined);
    return untilAborted(turn, signal);
  }

  async close(): Promise<void> {
    await disconnectKafka(this.#kafka, [this.#producer, this.#admin]);
  }

  async #sendNow(
    topic: string,
    records: readonly OutgoingRecord[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>> {
    signal.throwIfAborted();
    if (records.length === 0) return new Map();
    const doing = `send ${records.length} records to topic ${topic}`;
    try {
      const before = this.#unfinished;
      const isRepeat = before?.records === records && before.topic === topic;
      if (this.#mustRenew || (before && !isRepeat)) await this.#renew();
      const plan = isRepeat ? before : await this.#plan(topic, records);
      this.#unfinished = plan;
      const lanes = [...plan.lanes.values()].map((chunks) => this.#sendLane(topic, chunks));
      // All lanes are awaited even if one fails: the next send must find the sequence numbers at rest.
      const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
      if (failed) throw failed.reason;
      this.#unfinished = undefined;
      return plan.counts;
    } catch (error) {
      if (SEQUENCE_TYPES.includes(kafkaErrorType(error) ?? '')) this.#mustRenew = true;
      throw kafkaError(error, doing, { topic });
    }
  }

  async #sendLane(topic: string, chunks: Chunk[]): Promise<void> {
    for (let chunk = chunks[0]; chunk; chunk = chunks[0]) {
      await this.#producer.send({
        topic,
        messages: [...chunk],
        acks: -1,
        compression: this.#compression,
      });
      chunks.shift();
    }
  }

  /** A fresh producer id: the old one's sequence numbers may stand for other records. */
  async #renew(): Promise<void> {
    const [old, fresh] = [this.#producer, newProducer(this.#kafka)];
    try {
      await fresh.connect();
    } catch (error) {
      // The old one stays, so that the next call renews it, or `close` closes it.
      await fresh.disconnect().catch(() => undefined);
      throw error;
    }
    this.#producer = fresh;
    this.#mustRenew = false;
    this.#unfinished = undefined;
    await old.disconnect().catch(() => undefined);
  }

  async #plan(topic: string, records: readonly OutgoingRecord[]): Promise<Plan> {
    const partitions = await this.#partitionsOf(topic);
    const toPartition = (message: Message) =>
      this.#partitioner({ topic, partitionMetadata: partitions, message });
    return { topic, records, ...planSend(topic, records, toPartition, this.#recordBytesMax) };
  }

  async #partitionsOf(topic: string): Promise<PartitionMetadata[]> {
    const known = this.#metadata.get(topic);
    if (known && performance.now() - known.at < PARTITIONS_AGE_MS) return known.partitions;
    const { topics } = await this.#admin.fetchTopicMetadata({ topics: [topic] });
    const partitions = topics.find((entry) => entry.name === topic)?.partitions ?? [];
    this.#metadata.set(topic, { at: performance.now(), partitions });
    return partitions;
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = deferred<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function newProducer(kafka: Kafka): Producer {
  return kafka.producer({
    idempotent: true,
    maxInFlightRequests: 5,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: SENDER_RETRY,
  });
}
