// One membership in a consumer group, from the first join until it fails: a kafkajs consumer that never starts itself
// again. What happens after a failure is decided in consumer.ts.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka, Batch as KafkaBatch } from 'kafkajs';
import { systemClock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { deferred } from '../../pipeline/retry.ts';
import { connectKafka, disconnectKafka, KAFKA_RETRY, type KafkaSettings } from './connection.ts';
import { toRecord } from './records.ts';
import { soleHolder } from './sole-holder.ts';

export interface MemberOptions {
  readonly topics: readonly string[];
  readonly group: string;
  readonly sessionTimeoutMs: number;
  /** Most records handed over at once; the rest of what a fetch brought follows. Undefined: all of it. */
  readonly recordsMax?: number;
  /** How long a fetch waits at the broker for records, in milliseconds; default 100. */
  readonly fetchWaitMs?: number;
  /** One member has all topic partitions, the others stand by. All members of the group must say the same. */
  readonly soleHolder?: boolean;
}

/** Records of one topic partition in order of offset, as a fetch brought them. */
export interface Fetched {
  readonly of: TopicPartition;
  /** Where the fetch began. */
  readonly from: bigint;
  readonly records: readonly PipelineRecord[];
  /** Where the next fetch begins: behind the last record, farther where offsets hold none. */
  readonly next: bigint;
  /** Where the topic partition ended then: its high watermark. */
  readonly end: bigint;
}

/** Called by the consumer, never at the same time as each other. None of them may block. */
export interface GroupConsumerListener {
  /** After every join, synchronously, before anything is fetched: all topic partitions that are ours now. */
  assigned(all: readonly TopicPartition[]): void;
  /** False: have them again later. */
  records(fetched: Fetched): boolean;
  /** The offsets `[firstOffset, nextOffset)` hold no record for us (transaction markers, aborted records). */
  passedOver(of: TopicPartition, firstOffset: bigint, nextOffset: bigint): void;
  /** A fetch failed and is about to be repeated. The topic may have been deleted and created again meanwhile. */
  interrupted?(): void;
}

/** How long kafkajs waits in a fetch without data by default; also how fast a resumed partition is fetched again. */
const FETCH_WAIT_MS = 100;
/**
 * As fast as kafkajs' 1 MB beside the broker, with far less memory: what is handed over soon is garbage that costs little. A
 * broker that answers after 20 ms still gives 12 MB a second of each topic partition.
 */
const FETCH_BYTES_PER_PARTITION = 256 * 1024;
/** How soon partitions that were added to the topic are noticed, and leaders that moved away from a hung broker. */
const METADATA_AGE_MS = 10_000;
/** For connections; about 8 s, then a fresh member begins at another broker. */
const CONNECT_RETRY = { ...KAFKA_RETRY, retries: 10 } as const;
/** A member that waits for a join answers late. */
const CLOSE_MS = 5000;
const WATCH_MS = 500;
/** Answers that show that the coordinator knows us; a heartbeat to a dead coordinator is repeated to the dead one. */
const COORDINATOR_ANSWERS: readonly string[] = ['Heartbeat', 'JoinGroup', 'SyncGroup'];

export class GroupMember {
  readonly #options: MemberOptions;
  readonly #kafka: Kafka;
  readonly #consumer: Consumer;
  readonly #failure = deferred<never>();
  /** False before the first join and after the end: kafkajs has no group then, and seek and pause would throw. */
  #isJoined = false;
  #isClosed = false;
  /** Monotonic milliseconds of the coordinator's last answer, and of its last good one. */
  #heardAt = systemClock.monotonic();
  #goodAt: number | undefined;

  constructor(config: KafkaSettings, options: MemberOptions, log: Log) {
    const { sessionTimeoutMs, group } = options;
    this.#options = options;
    // An answer that comes after the session is of no use, and a hung broker is left sooner.
    const requestTimeoutMs = Math.min(config.requestTimeoutMs, sessionTimeoutMs);
    this.#kafka = connectKafka({ ...config, requestTimeoutMs }, log, CONNECT_RETRY);
    this.#consumer = this.#kafka.consumer({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      // Members answer a rebalance within a heartbeat: who does not come within a session is gone.
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.min(3000, Math.floor(sessionTimeoutMs / 4)),
      ...(options.soleHolder ? { partitionAssigners: [soleHolder(systemClock.now())] } : {}),
      maxWaitTimeInMs: options.fetchWaitMs ?? FETCH_WAIT_MS,
      maxBytesPerPartition: FETCH_BYTES_PER_PARTITION,
      metadataMaxAge: METADATA_AGE_MS,
      // Its own restart is endless, keeps stale brokers, and does not come after every failure that passes.
      retry: { ...KAFKA_RETRY, restartOnFailure: async () => false },
    });
    this.#failure.promise.catch(() => {});
  }

  /** Monotonic milliseconds at which the coordinator last knew us; undefined before the first join. */
  get goodAt(): number | undefined {
    return this.#goodAt;
  }

  /**
   * Joins and calls `listener` until it fails; then throws what kafkajs threw, or KAFKA_UNAVAILABLE when the
   * coordinator says nothing for so long that the session is over. `close` ends it, too.
   */
  async run(listener: GroupConsumerListener): Promise<never> {
    this.#listen(listener);
    const watch = setInterval(() => this.#watch(), WATCH_MS);
    try {
      this.#read(listener).catch((error) => this.#failure.reject(error));
      return await this.#failure.promise;
    } finally {
      clearInterval(watch);
      this.#isJoined = false;
    }
  }

  /** The next fetch of this partition starts at `offset`. Local: nothing is committed. Void while not joined. */
  seek({ topic, partition }: TopicPartition, offset: bigint): void {
    if (this.#isJoined) this.#consumer.seek({ topic, partition, offset: offset.toString() });
  }

  /** Void while not joined. */
  pause(all: readonly TopicPartition[]): void {
    if (this.#isJoined) this.#consumer.pause(byTopic(all));
  }

  /** Void while not joined. */
  resume(all: readonly TopicPartition[]): void {
    if (this.#isJoined) this.#consumer.resume(byTopic(all));
  }

  /** Commits the end of each batch, its start and attempt as metadata. Throws what kafkajs throws, sometimes late. */
  async commit(batches: readonly PlacedBatch[]): Promise<void> {
    await this.#consumer.commitOffsets(
      batches.map(({ topic, partition, start, end, attempt }) => {
        return { topic, partition, offset: `${end}`, metadata: `${start} ${attempt}` };
      }),
    );
  }

  /** Leaves the group, so that others take the partitions at once. Never throws. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failure.reject(new PipelineError('KAFKA_UNAVAILABLE', 'the member was closed'));
    await disconnectKafka(this.#kafka, [this.#consumer], CLOSE_MS);
  }

  async #read(listener: GroupConsumerListener): Promise<void> {
    await this.#consumer.connect();
    // Where kafkajs itself would start does not matter: every partition is sought before it is fetched.
    await this.#consumer.subscribe({ topics: [...this.#options.topics], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.#handAll(listener, payload),
    });
  }

  /**
   * Hands over what a fetch brought, `recordsMax` records at a time. What is refused, or was not asked for any more by then
   * (paused, sought elsewhere), is fetched again.
   */
  async #handAll(
    listener: GroupConsumerListener,
    { batch, resolveOffset, isStale }: EachBatchPayload,
  ): Promise<void> {
    const { topic, partition, messages } = batch;
    const end = BigInt(batch.highWatermark);
    const size = this.#options.recordsMax ?? messages.length;
    // `fetchedOffset` is there in 2.2.4 but not in its types. firstOffset() would jump over compacted records.
    let from = BigInt((batch as KafkaBatch & { fetchedOffset: string }).fetchedOffset);
    for (let at = 0; at < messages.length; at += size) {
      if (at > 0) {
        await nextTurn();
        if (isStale() || this.#isPaused({ topic, partition })) return;
      }
      if (this.#isClosed) return;
      const taken = messages.slice(at, at + size);
      const isLast = at + size >= messages.length;
      const last = isLast ? batch.lastOffset() : (taken.at(-1)?.offset ?? batch.lastOffset());
      const next = BigInt(last) + 1n;
      const records = taken.map(toRecord);
      if (!listener.records({ of: { topic, partition }, from, records, next, end })) return;
      resolveOffset(last);
      from = next;
    }
  }

  #isPaused({ topic, partition }: TopicPartition): boolean {
    const paused = this.#isJoined ? this.#consumer.paused() : [];
    return paused.some((one) => one.topic === topic && one.partitions.includes(partition));
  }

  #listen(listener: GroupConsumerListener): void {
    const { GROUP_JOIN, HEARTBEAT, REQUEST, FETCH_START, FETCH, END_BATCH_PROCESS, CRASH } =
      this.#consumer.events;
    const fetching = new Set<number>();
    this.#consumer.on(FETCH_START, ({ payload }) => {
      // Nothing else tells of a failed fetch: FETCH comes only after one that was answered.
      if (fetching.has(payload.nodeId) && !this.#isClosed) listener.interrupted?.();
      fetching.add(payload.nodeId);
    });
    this.#consumer.on(FETCH, ({ payload }) => fetching.delete(payload.nodeId));
    this.#consumer.on(GROUP_JOIN, ({ payload }) => {
      if (this.#isClosed) return;
      this.#isJoined = true;
      this.#goodAt = systemClock.monotonic();
      const assigned = Object.entries(payload.memberAssignment);
      listener.assigned(
        assigned.flatMap(([topic, all]) => all.map((partition) => ({ topic, partition }))),
      );
    });
    this.#consumer.on(HEARTBEAT, () => {
      this.#goodAt = systemClock.monotonic();
    });
    this.#consumer.on(REQUEST, ({ payload }) => {
      if (COORDINATOR_ANSWERS.includes(payload.apiName)) this.#heardAt = systemClock.monotonic();
    });
    // Batches of only aborted or control records never reach eachBatch; kafkajs passes over them by itself.
    this.#consumer.on(END_BATCH_PROCESS, ({ payload }) => {
      const { batchSize, topic, partition, firstOffset, lastOffset } = payload;
      if (batchSize > 0 || this.#isClosed) return;
      const first = BigInt(firstOffset ?? lastOffset);
      listener.passedOver({ topic, partition }, first, BigInt(lastOffset) + 1n);
    });
    this.#consumer.on(CRASH, ({ payload }) => this.#failure.reject(payload.error));
  }

  /** A join may wait for a session of somebody who died, so more than one is waited. */
  #watch(): void {
    const silentMs = systemClock.monotonic() - this.#heardAt;
    if (silentMs <= this.#options.sessionTimeoutMs * 1.5) return;
    const { group } = this.#options;
    const words = `the coordinator of consumer group ${group} has not answered for ${Math.round(silentMs / 1000)} s`;
    this.#failure.reject(
      new PipelineError('KAFKA_UNAVAILABLE', words, {
        hint: 'Check that the brokers run; `kafka-hive stack status` shows the local ones.',
        context: { group },
      }),
    );
  }
}

/** As kafkajs wants them. */
function byTopic(all: readonly TopicPartition[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const { topic, partition } of all) {
    topics.set(topic, [...(topics.get(topic) ?? []), partition]);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
