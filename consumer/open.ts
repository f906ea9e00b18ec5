// Opens what a consumer needs, in the order in which a person wants to hear what is wrong: Kafka and the topic, the
// table, the dead letters, the position file. Nothing is read yet.
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { GroupConsumer, type GroupConsumerOptions } from '../clients/kafka/consumer.ts';
import { KafkaSender } from '../clients/kafka/producer.ts';
import type { Settings } from '../params/schema.ts';
import type { CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import type { PlacedBatch, PositionStore } from '../pipeline/position-store.ts';
import { formatTopicPartition } from '../pipeline/range.ts';
import type { RetryPolicy } from '../pipeline/retry.ts';
import type { Sink } from '../pipeline/sink.ts';
import {
  DEAD_LETTER_BYTES_MAX,
  DeadLetterShare,
  DeadLetters,
  deadLetterShape,
  deadLetterTopic,
} from './dead-letters.ts';
import { type Repeats, repeatsBy } from './dedupe.ts';
import type { Delivery } from './deliver.ts';
import { LiveGroup } from './live-group.ts';
import { GroupPositions } from './positions/group.ts';
import type { SinkDeps } from './sinks/index.ts';
import { StartPositions } from './start-positions.ts';
import { Upkeep } from './upkeep.ts';

export interface ConsumerJob {
  /** Batch, consumer, ledger and limits are those of this job; its topics, group and destination stand below. */
  readonly settings: Settings;
  readonly topics: readonly string[];
  /** Consumer group. */
  readonly group: string;
  /** Where the records end: a table (`database.table`) or a base path. */
  readonly destination: string;
  /** How much of a fetch is taken in at once, and how long one waits; default: all of it, 100 ms. */
  readonly fetch?: Pick<GroupConsumerOptions, 'recordsMax' | 'fetchWaitMs'>;
  /** The live consumer starts at the end; the other one after the last committed batch. */
  readonly live: boolean;
  /** End when everything that was in the topic at the start is placed. */
  readonly untilEnd: boolean;
  /** A `--from` ahead of the table is meant. */
  readonly force?: boolean;
  /** Opens the sink for `destination`; what is opened is in `deps.opened`. */
  openSink(deps: SinkDeps, signal: AbortSignal): Promise<Sink>;
  /** Opens the position store; `commit` writes the group's committed offset. */
  openPositions(commit: (placed: PlacedBatch) => Promise<void>, admin: KafkaAdmin): PositionStore;
  /** Puts something in the way of every delivery; the handle of the crash suite and the chaos run, and nothing else. */
  readonly rewire?: (delivery: Delivery) => Delivery;
  readonly observer?: ConsumerObserver | undefined;
}

export interface OpenConsumer {
  readonly consumer: GroupConsumer;
  readonly start: StartPositions;
  readonly delivery: Delivery;
  readonly upkeep: Upkeep;
  /** Makes what judges the repeats of one topic partition; undefined where `consumer.dedupe` is off. */
  readonly repeats: () => Repeats | undefined;
  /** The end of each topic partition when this process started, by its name. */
  readonly ends: ReadonlyMap<string, bigint>;
}

const RETRY_MS = 200;
const RETRY_MS_MAX = 5000;

/** What is opened is in `opened`, also when a later step throws. */
export async function openConsumer(
  job: ConsumerJob,
  { log, clock, signal }: CommandDeps,
  opened: Lifecycle,
): Promise<OpenConsumer> {
  const { settings, group, topics, observer } = job;
  const { params, config } = settings;
  const { startMs, retryMs } = params.limits;
  const repeats = repeatsBy(params.consumer.dedupe);
  const admin = opened.add('admin', await KafkaAdmin.open(config.kafka, log, signal, startMs));
  const bounds = await byName(topics, (topic) => admin.offsets(topic, signal));
  const ends = new Map([...bounds].map(([name, { highWatermark }]) => [name, highWatermark]));
  const live = job.live ? await LiveGroup.look({ admin, group, topics }, signal) : undefined;

  const sink = await job.openSink({ log, clock, opened }, signal);
  const { keepDays } = params.ledger;
  const upkeep = opened.add('upkeep', new Upkeep({ sink, keepDays, clock, log }));
  const deadLetters = await openDeadLetters(job, admin, { log, signal, opened });
  const consumer = opened.add(
    'consumer',
    GroupConsumer.create(
      config.kafka,
      {
        ...{ topics, group, sessionTimeoutMs: params.consumer.sessionTimeoutMs, retryMs },
        ...job.fetch,
        committed: () => byName(topics, (topic) => admin.groupOffsets(group, topic)),
      },
      log,
    ),
  );
  const commit = (placed: PlacedBatch) => consumer.commit(placed);
  const positions = job.openPositions(commit, admin);
  await positions.open(signal);
  opened.add('positions', positions);
  const retry: RetryPolicy = { delayMs: RETRY_MS, delayMsMax: RETRY_MS_MAX, deadlineMs: retryMs };
  const committed =
    positions.name === 'group' ? undefined : new GroupPositions({ group, admin, commit });
  const start = new StartPositions({
    ...{ admin, sink, positions, topics, ends, log, clock, params: params.consumer },
    force: job.force === true,
    group: committed,
    live: live && { group: live, commit },
  });
  const delivery: Delivery = { sink, deadLetters, positions, retry, clock, log, observer };
  return { consumer, start, repeats, delivery: job.rewire?.(delivery) ?? delivery, upkeep, ends };
}

/** What is known of the partitions of each topic, in one map. */
async function byName<T>(
  topics: readonly string[],
  ask: (topic: string) => Promise<ReadonlyMap<number, T>>,
): Promise<Map<string, T>> {
  const all = new Map<string, T>();
  for (const topic of topics) {
    for (const [partition, found] of await ask(topic)) {
      all.set(formatTopicPartition({ topic, partition }), found);
    }
  }
  return all;
}

async function openDeadLetters(
  { settings: { params, config }, destination }: ConsumerJob,
  admin: KafkaAdmin,
  { log, signal, opened }: Pick<CommandDeps, 'log' | 'signal'> & { opened: Lifecycle },
): Promise<DeadLetters> {
  const { startMs } = params.limits;
  const sender = await KafkaSender.open(config.kafka, log, signal, startMs, {
    recordBytesMax: DEAD_LETTER_BYTES_MAX,
  });
  opened.add('sender', sender);
  const shape = deadLetterShape(params);
  return new DeadLetters({
    topicFor: (topic) => deadLetterTopic({ ...params, topic }),
    table: destination,
    sender,
    ensureTopic: (name, until) => admin.ensureTopic(name, shape, until),
    share: new DeadLetterShare(params.limits),
    log,
  });
}
