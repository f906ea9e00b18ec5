// The producer command: sources → pump → topic. Creates the topic when it is missing.
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { KafkaSender } from '../clients/kafka/producer.ts';
import type { Settings } from '../params/schema.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import type { ProducerObserver } from '../pipeline/observer.ts';
import type { Source } from '../pipeline/source.ts';
import { CursorStore } from './cursors.ts';
import { createRotation, type RotationState } from './partition-rotation.ts';
import { type PumpSummary, pump } from './pump.ts';
import { idsSentBefore } from './sent-before.ts';
import { type Confirm, createSources } from './sources/index.ts';
import { type MergedCursor, MergedSource } from './sources/merged.ts';

export interface ProducerOptions {
  /** Forget how far the sources are: each starts afresh. */
  readonly fromStart?: boolean;
  /** Instead of those of the settings. */
  readonly sources?: readonly Source[];
  /** Asks the person at the terminal; undefined where there is none. */
  readonly confirm?: Confirm | undefined;
  /** Told what is sent where; for the metrics. */
  readonly observer?: ProducerObserver | undefined;
}

export interface ProducerSummary extends PumpSummary<MergedCursor> {
  readonly topic: string;
  /** Names of the sources. */
  readonly source: string;
  /** Read by the sources and not sent on purpose: without the hashtag, malformed. */
  readonly leftOut: number;
  /** Stretches of time that the sources could not give back; each was warned about. */
  readonly gaps: number;
}

/**
 * Runs until the sources end, `producer.maxMessages` were sent or `deps.signal` aborts; every record that was read is
 * acknowledged by all in-sync replicas, and the cursors are saved, before it returns. Throws CONFIG_CREDENTIALS_MISSING and
 * USAGE before anything is opened, then POSITION_* (cursor file), KAFKA_* and SOURCE_*.
 */
export async function runProducer(
  settings: Settings,
  deps: CommandDeps,
  {
    fromStart = false,
    confirm,
    observer,
    sources = createSources(settings, deps, confirm),
  }: ProducerOptions = {},
): Promise<ProducerSummary> {
  const { params, config } = settings;
  const { topic, limits, producer } = params;
  const { log, clock, signal } = deps;
  const source = new MergedSource(sources);
  const lifecycle = new Lifecycle();
  try {
    const names = sources.map(({ name }) => name);
    const file = producer.cursorFile;
    const cursors = new CursorStore({ file, topic, sources: names, log, clock });
    const saved = await cursors.open(fromStart, signal);
    lifecycle.add('cursors', cursors);
    const after = saved && source.parseCursor(saved.cursors);
    const { created, partitions } = await topicPartitions(settings, deps);
    const { compression } = producer;
    const open = KafkaSender.open(config.kafka, log, signal, limits.startMs, { compression });
    const sender = lifecycle.add('sender', await open);
    const { partitioning, maxMessages } = producer;
    const switchMs = producer.partitionSwitchMinutes * 60_000;
    const from = saved?.rotation;
    const rotation = createRotation({ partitioning, partitions, switchMs, from }, clock);
    const on = { source: source.name, partitions: partitions.length, partitioning };
    log.info(`producing to ${topic}`, on);
    const resumed = Object.keys(after ?? {});
    if (resumed.length > 0) log.info('going on behind the saved cursors', { sources: resumed });
    if (resumed.length > 0 && created) {
      const what = `topic ${topic} is new: what the sources gave before their saved cursors is not in it`;
      log.warn(what, { hint: 'With `--from-start` files are sent again from their beginning.' });
    }
    const onTurn = () => {
      const state = rotation.state();
      if (!state) return;
      tellPartition(state, switchMs, log);
      observer?.onPartition(state.partition, state.spentMs);
    };
    onTurn();
    const sent = await pump(
      source,
      after,
      { ...producer, topic, maxMessages, retryMs: limits.retryMs },
      {
        ...deps,
        sender,
        rotation,
        onTurn,
        observer,
        recentIds: (until) => idsSentBefore(settings, saved?.savedAt, deps, until),
        save: (cursor) => cursors.save(cursor ?? {}, rotation.state()),
      },
    );
    const { leftOut, gaps } = source;
    const summary = { topic, source: source.name, leftOut, gaps: gaps.length, ...sent };
    tell(summary, deps);
    return summary;
  } finally {
    await lifecycle.close();
  }
}

async function topicPartitions(
  settings: Settings,
  deps: CommandDeps,
): Promise<{ readonly created: boolean; readonly partitions: number[] }> {
  const { params, config } = settings;
  const { topic, limits } = params;
  const shape = {
    partitions: params.producer.topicPartitions,
    replication: params.producer.topicReplication,
  };
  const admin = await KafkaAdmin.open(config.kafka, deps.log, deps.signal, limits.startMs);
  try {
    const { created, partitions: count } = await admin.ensureTopic(topic, shape, deps.signal);
    if (created) deps.log.info(`created topic ${topic}`, { partitions: count });
    return { created, partitions: await admin.partitions(topic, deps.signal) };
  } finally {
    await admin.close();
  }
}

function tellPartition(state: RotationState, switchMs: number, log: CommandDeps['log']): void {
  const seconds = Math.max(0, Math.round((switchMs - state.spentMs) / 1000));
  const left = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  log.info(`now on partition ${state.partition} (next switch in ${left})`);
}

function tell(summary: ProducerSummary, deps: CommandDeps): void {
  const { read, leftOut, repeated, gaps } = summary;
  const partitions = Object.fromEntries(summary.byPartition);
  deps.log.info(`sent ${summary.acknowledged} records to ${summary.topic}`, {
    ...{ read, leftOut, repeated, partitions },
    ...(gaps > 0 ? { gaps } : {}),
  });
}
