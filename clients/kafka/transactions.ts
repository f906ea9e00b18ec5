// Sends records and commits the offsets they were made from as one: readers that read committed see all or nothing.
import { type Kafka, type Message, Partitioners, type Producer, type Transaction } from 'kafkajs';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { withTimeout } from '../../pipeline/retry.ts';
import {
  awaitKafka,
  connectKafka,
  disconnectKafka,
  KAFKA_RETRY,
  type KafkaSettings,
} from './connection.ts';
import { askCoordinator, isCoordinatorMissing } from './coordinator.ts';
import { kafkaError } from './errors.ts';
import { planSend } from './send-plan.ts';

export interface TransactionOptions {
  /** Whoever opens it last has it: everybody who had it before is refused from then on. */
  readonly transactionalId: string;
  /** Consumer group whose offsets are committed. */
  readonly group: string;
  /** Every topic that is sent to; they must exist. */
  readonly topics: readonly string[];
  /** Largest record; the topics must take it. */
  readonly recordBytesMax: number;
}

/** What is sent in one transaction, in order within each topic partition. */
export type Output = ReadonlyMap<string, readonly OutgoingRecord[]>;

/** The next offset to be read of an input, with what its reader wants to know when it starts again (4 kB at most). */
export interface ReadOffset extends TopicPartition {
  readonly offset: bigint;
  readonly metadata: string;
}

/** Where a process may be killed, for tests; not every transaction sends records. */
export type TransactionStep = 'sent' | 'offsets' | 'committed';

/** About 8 s: then the transaction is given up and whoever asked for it starts again. */
const RETRY = { ...KAFKA_RETRY, retries: 10 } as const;
/** A transaction that nobody ends holds readers up for so long; one that is taken over ends at once. */
const TRANSACTION_MS = 30_000;
const CLOSE_MS = 3000;

/**
 * One transaction after the other. kafkajs cannot repeat the end of a transaction and does not tell whether a failed one
 * has ended after all. So after any failure the sender is of no more use: close it, open another, which ends what was
 * left open one way or the other, and only then ask for the group's offsets; they tell which way.
 */
export class TransactionalSender {
  readonly #kafka: Kafka;
  readonly #producer: Producer;
  readonly #options: TransactionOptions;
  readonly #onStep: (step: TransactionStep) => void;
  readonly #partitioner = Partitioners.DefaultPartitioner();
  readonly #partitions = new Map<string, Parameters<Partitioner>[0]['partitionMetadata']>();
  #open: Transaction | undefined;
  #failed = false;

  private constructor(
    kafka: Kafka,
    options: TransactionOptions,
    onStep: (step: TransactionStep) => void,
  ) {
    this.#kafka = kafka;
    this.#options = options;
    this.#onStep = onStep;
    this.#producer = kafka.producer({
      transactionalId: options.transactionalId,
      transactionTimeout: TRANSACTION_MS,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: RETRY,
    });
  }

  /**
   * Connects and takes the transactional id over: a transaction that its last owner left open has ended, and that owner can
   * send no more, when this resolves. Throws KAFKA_UNAVAILABLE, KAFKA_REJECTED (also for a topic that is missing),
   * KAFKA_TLS.
   */
  static async open(
    config: KafkaSettings,
    options: TransactionOptions,
    log: Log,
    signal: AbortSignal,
    startMs = 12_000,
    onStep: (step: TransactionStep) => void = () => {},
  ): Promise<TransactionalSender> {
    const reachable = await awaitKafka(config, log, signal, startMs);
    const kafka = connectKafka(reachable, log, RETRY);
    const sender = new TransactionalSender(kafka, options, onStep);
    const doing = `take over the transactional id ${options.transactionalId}`;
    const silent = () =>
      new PipelineError('KAFKA_UNAVAILABLE', `cannot ${doing}: no answer in ${startMs} ms`);
    try {
      const taking = askCoordinator(() => sender.#takeOver(), signal);
      await withTimeout(taking, startMs, silent, signal);
      return sender;
    } catch (error) {
      await sender.close();
      if (signal.aborted) throw signal.reason;
      throw kafkaError(error, doing, { transactionalId: options.transactionalId });
    }
  }

  /**
   * Sends `output` and commits `offsets` in one transaction. When it throws, whether that is done is open and the sender
   * is spent. Throws KAFKA_UNAVAILABLE (also when another has taken over), KAFKA_REJECTED.
   */
  async commit(output: Output, offsets: readonly ReadOffset[]): Promise<void> {
    const { transactionalId, group } = this.#options;
    const doing = `commit a transaction of ${transactionalId}`;
    const transaction = this.#open;
    if (this.#failed || transaction === undefined) {
      throw new PipelineError('KAFKA_UNAVAILABLE', `cannot ${doing}: an earlier one failed`);
    }
    this.#failed = true;
    try {
      for (const [topic, records] of output) await this.#send(transaction, topic, records);
      this.#onStep('sent');
      await transaction.sendOffsets({ consumerGroupId: group, topics: byTopic(offsets) });
      this.#onStep('offsets');
      await transaction.commit();
      this.#onStep('committed');
      this.#open = await this.#producer.transaction();
      this.#failed = false;
    } catch (error) {
      if (!isCoordinatorMissing(error)) throw kafkaError(error, doing, { transactionalId });
      // A right that is missing shows when the next one takes over.
      throw new PipelineError('KAFKA_UNAVAILABLE', `cannot ${doing}: no broker coordinates it`, {
        hint: 'The transaction is made again by a new producer.',
        context: { transactionalId },
        cause: error,
      });
    }
  }

  /** Ends a failed transaction, as far as that can be done in time, and closes. Never throws. */
  async close(): Promise<void> {
    const open = this.#failed ? this.#open : undefined;
    this.#open = undefined;
    if (open?.isActive()) {
      const late = () => new PipelineError('KAFKA_UNAVAILABLE', 'the transaction does not end');
      // Without it, readers wait for the time-out of the transaction.
      await withTimeout(open.abort(), CLOSE_MS, late).catch(() => undefined);
    }
    await disconnectKafka(this.#kafka, [this.#producer], CLOSE_MS);
  }

  async #takeOver(): Promise<void> {
    const admin = this.#kafka.admin();
    try {
      await Promise.all([admin.connect(), this.#producer.connect()]);
      const { topics } = await admin.fetchTopicMetadata({ topics: [...this.#options.topics] });
      for (const { name, partitions } of topics) this.#partitions.set(name, partitions);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
    // kafkajs asks for the producer id, and so takes over, when the first transaction begins.
    this.#open = await this.#producer.transaction();
  }

  /**
   * Chunk by chunk: kafkajs takes a broker that has answered a part of a send for done with all of it, also when a topic
   * partition moves there before its part is repeated.
   */
  async #send(
    transaction: Transaction,
    topic: string,
    records: readonly OutgoingRecord[],
  ): Promise<void> {
    const partitionMetadata = this.#partitions.get(topic) ?? [];
    const toPartition = (message: Message) =>
      this.#partitioner({ topic, partitionMetadata, message });
    const { lanes } = planSend(topic, records, toPartition, this.#options.recordBytesMax);
    for (const chunks of lanes.values()) {
      for (const chunk of chunks) {
        await transaction.send({ topic, messages: [...chunk], acks: -1 });
      }
    }
  }
}

type Partitioner = ReturnType<typeof Partitioners.DefaultPartitioner>;

function byTopic(offsets: readonly ReadOffset[]) {
  const names = [...new Set(offsets.map(({ topic }) => topic))];
  return names.map((topic) => ({
    topic,
    partitions: offsets
      .filter((of) => of.topic === topic)
      .map(({ partition, offset, metadata }) => ({ partition, offset: `${offset}`, metadata })),
  }));
}
