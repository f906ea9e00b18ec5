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

/** kafkajs puts a send to one partition into one record batch; brokers refuse more than 1 MB by default. */
const REQUEST_BYTES_MAX = 900_000;
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

type Chunk = readonly Message[];

/** What is still to be sent of one call: chunks per topic partition, in order. */
interface Plan {
  readonly topic: string;
  readonly records: readonly OutgoingRecord[];
  readonly lanes: ReadonlyMap<number, Chunk[]>;
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
    const lanes = new Map<number, Chunk[]>();
    const counts = new Map<number, number>();
    const open = new Map<number, { messages: Message[]; bytes: number }>();
    for (const record of records) {
      const bytes = messageBytes(record);
      if (bytes > this.#recordBytesMax) throw tooLarge(topic, bytes, this.#recordBytesMax);
      const message = toMessage(record);
      const partition =
        record.partition ?? this.#partitioner({ topic, partitionMetadata: partitions, message });
      let chunk = open.get(partition);
      if (!chunk || chunk.bytes + bytes > REQUEST_BYTES_MAX) {
        chunk = { messages: [], bytes: 0 };
        open.set(partition, chunk);
        const lane = lanes.get(partition);
        if (lane) lane.push(chunk.messages);
        else lanes.set(partition, [chunk.messages]);
      }
      // Decided here and kept: kafkajs asks its partitioner again at each of its own attempts.
      chunk.messages.push({ ...message, partition });
      chunk.bytes += bytes;
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    return { topic, records, lanes, counts };
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

function toMessage(record: OutgoingRecord): Message {
  return {
    key: record.key,
    value: record.value,
    ...(record.headers ? { headers: { ...record.headers } } : {}),
    ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
  };
}

/** Bytes on the wire, a little too many rather than too few. */
function messageBytes(record: OutgoingRecord): number {
  let bytes = 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    for (const one of [value].flat()) {
      bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(one);
    }
  }
  return bytes;
}

function tooLarge(topic: string, bytes: number, most: number): PipelineError {
  return new PipelineError(
    'KAFKA_REJECTED',
    `cannot send to topic ${topic}: a record of ${bytes} bytes is above the limit of ${most}`,
    {
      hint: 'Leave the record out or make it smaller; Kafka refuses it as a whole.',
      context: { topic, bytes },
    },
  );
}
