// Questions to the cluster: topics, partitions, offsets, groups. Everything that needs no consumer and no producer.
import type { Admin, Kafka } from 'kafkajs';
import { systemClock } from '../../pipeline/clock.ts';
import { describe, PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import { withRetry, withTimeout } from '../../pipeline/retry.ts';
import {
  awaitKafka,
  connectKafka,
  disconnectKafka,
  KAFKA_RETRY,
  type KafkaSettings,
  quiet,
} from './connection.ts';
import { askCoordinator } from './coordinator.ts';
import { kafkaError, kafkaErrorType, LEADERS_FORGOTTEN } from './errors.ts';

export interface TopicShape {
  readonly partitions: number;
  readonly replication: number;
  /** `max.message.bytes` of a topic that is created; undefined leaves the broker's default (1 MB). */
  readonly messageBytesMax?: number;
}

/** What one topic partition holds: the oldest offset kept, and the end that readers may see. */
export interface PartitionOffsets {
  readonly logStart: bigint;
  readonly highWatermark: bigint;
}

/** What the group committed for one topic partition: the next offset to be read. */
export interface GroupOffset {
  readonly offset: bigint;
  readonly metadata: string;
}

/** How long the metadata of a new topic may take to reach every broker. */
const TOPIC_SPREAD_MS = 15_000;
/** How long a topic partition or group may be without a broker that answers for it: another one takes over within seconds. */
const ELECTION_MS = 10_000;
const LEADER_MOVED: readonly string[] = [
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
];
/** Also said for seconds by a broker that has just started, or that has just made its first group. */
const COORDINATOR_MOVES: readonly string[] = [
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
];

export class KafkaAdmin {
  readonly #kafka: Kafka;
  #admin: Admin;
  #renewing: Promise<void> | undefined;
  readonly #answerMs: number;

  private constructor(kafka: Kafka, admin: Admin, answerMs: number) {
    this.#kafka = kafka;
    this.#admin = admin;
    this.#answerMs = answerMs;
  }

  /**
   * Connects and logs in within `startMs`. Throws KAFKA_UNAVAILABLE (nobody answers in time), KAFKA_REJECTED
   * (credentials), KAFKA_TLS (certificates), CONFIG_UNREADABLE (PEM files).
   */
  static async open(
    config: KafkaSettings,
    log: Log,
    signal: AbortSignal,
    startMs = 12_000,
  ): Promise<KafkaAdmin> {
    const reachable = await awaitKafka(config, log, signal, startMs);
    const kafka = connectKafka(reachable, quiet(log), { ...KAFKA_RETRY, retries: 8 });
    const opened = new KafkaAdmin(kafka, kafka.admin(), config.requestTimeoutMs * 2);
    await opened.#ask('connect to Kafka', (admin) => admin.connect(), signal);
    return opened;
  }

  /**
   * Creates `topic` unless it exists, and waits until every broker knows it. `partitions` in the answer is what
   * the topic has, which may differ from what was wished. Throws KAFKA_REJECTED (right, name, replication).
   */
  async ensureTopic(
    topic: string,
    shape: TopicShape,
    signal: AbortSignal,
  ): Promise<{ created: boolean; partitions: number }> {
    const known = await this.#partitionsOrNone(topic, signal);
    if (known.length > 0) return { created: false, partitions: known.length };
    const wish = {
      topic,
      numPartitions: shape.partitions,
      replicationFactor: shape.replication,
      ...(shape.messageBytesMax && {
        configEntries: [{ name: 'max.message.bytes', value: `${shape.messageBytesMax}` }],
      }),
    };
    // waitForLeaders throws on a cluster whose brokers have not all heard of the topic yet: poll instead.
    const created = await this.#ask(
      `create topic ${topic} (${shape.partitions} partitions, replication ${shape.replication})`,
      (admin) => admin.createTopics({ topics: [wish], waitForLeaders: false }),
      signal,
    );
    const policy = { delayMs: 50, delayMsMax: 500, deadlineMs: TOPIC_SPREAD_MS };
    const seen = await withRetry(
      async () => {
        const partitions = await this.#partitionsOrNone(topic, signal);
        if (partitions.length > 0) return partitions;
        throw new PipelineError('KAFKA_UNAVAILABLE', `topic ${topic} was created but is not seen`);
      },
      policy,
      systemClock,
      signal,
    );
    return { created, partitions: seen.length };
  }

  /** Partition numbers of `topic`, ascending. Throws KAFKA_REJECTED naming the topic when it is missing. */
  async partitions(topic: string, signal: AbortSignal): Promise<number[]> {
    const found = await this.#partitionsOrNone(topic, signal);
    if (found.length > 0) return found;
    throw new PipelineError('KAFKA_REJECTED', `topic ${topic} does not exist`, {
      hint: 'Create it, correct the name, or let the producer create it.',
      context: { topic },
    });
  }

  /** Log start and high watermark of every partition. Throws KAFKA_REJECTED when the topic is missing. */
  async offsets(topic: string, signal: AbortSignal): Promise<Map<number, PartitionOffsets>> {
    await this.partitions(topic, signal);
    const rows = await this.#askInCharge(
      `read the offsets of topic ${topic}`,
      (admin) => admin.fetchTopicOffsets(topic),
      signal,
    );
    return byPartition(rows, (row) => ({
      logStart: BigInt(row.low),
      highWatermark: BigInt(row.high),
    }));
  }

  /** The first offset whose record is not older than `timestampMs`; the high watermark where there is none. */
  async offsetsAt(
    topic: string,
    timestampMs: number,
    signal: AbortSignal,
  ): Promise<Map<number, bigint>> {
    await this.partitions(topic, signal);
    const rows = await this.#askInCharge(
      `read the offsets of topic ${topic} at ${new Date(timestampMs).toISOString()}`,
      (admin) => admin.fetchTopicOffsetsByTimestamp(topic, timestampMs),
      signal,
    );
    return byPartition(rows, (row) => BigInt(row.offset));
  }

  /** State of a consumer group (`Stable`, `Empty`, `Dead` for an unknown one) and how many members it has. */
  async groupState(
    group: string,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<{ state: string; members: number }> {
    const doing = `describe consumer group ${group}`;
    const ask = (admin: Admin) => admin.describeGroups([group]);
    const { groups } = await this.#askInCharge(doing, ask, signal);
    const found = groups[0];
    return { state: found?.state ?? 'Dead', members: found?.members.length ?? 0 };
  }

  /** Committed offsets of `group`; partitions without one are left out. */
  async groupOffsets(
    group: string,
    topic: string,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<Map<number, GroupOffset>> {
    const doing = `read the offsets of consumer group ${group} on topic ${topic}`;
    const ask = (admin: Admin) => admin.fetchOffsets({ groupId: group, topics: [topic] });
    const topics = await this.#askInCharge(doing, ask, signal);
    const rows = topics.flatMap((entry) => (entry.topic === topic ? entry.partitions : []));
    const committed = rows.filter((row) => BigInt(row.offset) >= 0n);
    return byPartition(committed, (row) => ({
      offset: BigInt(row.offset),
      metadata: row.metadata ?? '',
    }));
  }

  async close(): Promise<void> {
    await disconnectKafka(this.#kafka, [this.#admin]);
  }

  async #partitionsOrNone(topic: string, signal: AbortSignal): Promise<number[]> {
    const ask = (admin: Admin) =>
      admin.fetchTopicMetadata({ topics: [topic] }).catch((error: unknown) => {
        if (kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return { topics: [] };
        throw error;
      });
    const { topics } = await this.#ask(`look up topic ${topic}`, ask, signal);
    const found = topics.find((entry) => entry.name === topic)?.partitions ?? [];
    return found.map((entry) => entry.partitionId).sort((a, b) => a - b);
  }

  /**
   * As `#ask`; asks again for some seconds when the leader or coordinator in charge has moved, is not ready, is forgotten, or
   * the brokers have not heard of it yet, and a few times when no coordinator is found.
   */
  async #askInCharge<T>(
    doing: string,
    call: (admin: Admin) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const deadline = systemClock.monotonic() + ELECTION_MS;
    for (;;) {
      try {
        return await askCoordinator(() => this.#ask(doing, call, signal), signal);
      } catch (error) {
        const type = kafkaErrorType(error) ?? '';
        const hasMoved = LEADER_MOVED.includes(type);
        const isLookedUpAgain =
          COORDINATOR_MOVES.includes(type) ||
          (error instanceof PipelineError && LEADERS_FORGOTTEN.test(describe(error.cause)));
        if (!(hasMoved || isLookedUpAgain) || systemClock.monotonic() > deadline) throw error;
        await systemClock.sleep(200, signal);
        if (isLookedUpAgain) continue;
        this.#renewing ??= this.#renew(signal).finally(() => {
          this.#renewing = undefined;
        });
        await this.#renewing;
      }
    }
  }

  /** A fresh client: kafkajs goes on asking the leaders it knows for minutes, and cannot be told to look again. */
  async #renew(signal: AbortSignal): Promise<void> {
    const old = this.#admin;
    this.#admin = this.#kafka.admin();
    try {
      await this.#ask('connect to Kafka', (admin) => admin.connect(), signal);
    } finally {
      // It answers what it was asked before.
      old.disconnect().catch(() => undefined);
    }
  }

  /** Bounds a call in time and turns what kafkajs throws into our errors. */
  async #ask<T>(
    doing: string,
    call: (admin: Admin) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const silent = () =>
      new PipelineError('KAFKA_UNAVAILABLE', `cannot ${doing}: no answer in ${this.#answerMs} ms`);
    try {
      return await withTimeout(call(this.#admin), this.#answerMs, silent, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw kafkaError(error, doing);
    }
  }
}

function byPartition<Row extends { partition: number }, T>(
  rows: readonly Row[],
  value: (row: Row) => T,
): Map<number, T> {
  const sorted = [...rows].sort((a, b) => a.partition - b.partition);
  return new Map(sorted.map((row) => [row.partition, value(row)]));
}
