// The producer command: source → pump → topic. Creates the topic when it is missing.
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { KafkaSender } from '../clients/kafka/producer.ts';
import type { Settings } from '../params/schema.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import type { Source } from '../pipeline/source.ts';
import { choosePartition } from './partition-rotation.ts';
import { type PumpSummary, pump } from './pump.ts';
import { createSource } from './sources/index.ts';

export interface ProducerSummary extends PumpSummary<unknown> {
  readonly topic: string;
  /** Name of the source. */
  readonly source: string;
  /** Read by the source and not sent on purpose: without the hashtag, or repeated. */
  readonly leftOut: number;
}

/**
 * Runs until the source ends, `producer.maxMessages` were sent or `deps.signal` aborts; every record that was read is
 * acknowledged by all in-sync replicas before it returns. `source` replaces the one of the settings. Throws
 * CONFIG_CREDENTIALS_MISSING and USAGE before anything is opened, then KAFKA_* and SOURCE_*.
 */
export async function runProducer(
  settings: Settings,
  deps: CommandDeps,
  source: Source = createSource(settings, deps),
): Promise<ProducerSummary> {
  const { params, config } = settings;
  const { topic, limits, producer } = params;
  const lifecycle = new Lifecycle();
  try {
    const partitions = await topicPartitions(settings, deps);
    const sender = lifecycle.add(
      'sender',
      await KafkaSender.open(config.kafka, deps.log, deps.signal, limits.startMs),
    );
    const switchMs = producer.partitionSwitchMinutes * 60_000;
    const { partitioning, sendSize, sendBytesMax, lingerMs, maxMessages } = producer;
    const choose = choosePartition({ partitioning, partitions, switchMs }, deps.clock);
    deps.log.info(`producing to ${topic}`, {
      source: source.name,
      partitions: partitions.length,
      partitioning,
    });
    const sent = await pump(
      source,
      undefined,
      {
        topic,
        sendSize,
        sendBytesMax,
        lingerMs,
        maxMessages,
        retryMs: limits.retryMs,
        choosePartition: choose,
      },
      { ...deps, sender },
    );
    const summary = { topic, source: source.name, leftOut: source.leftOut, ...sent };
    tell(summary, deps);
    return summary;
  } finally {
    await lifecycle.close();
  }
}

async function topicPartitions(settings: Settings, deps: CommandDeps): Promise<number[]> {
  const { params, config } = settings;
  const { topic, limits } = params;
  const shape = {
    partitions: params.producer.topicPartitions,
    replication: params.producer.topicReplication,
  };
  const admin = await KafkaAdmin.open(config.kafka, deps.log, deps.signal, limits.startMs);
  try {
    const { created, partitions } = await admin.ensureTopic(topic, shape, deps.signal);
    if (created) deps.log.info(`created topic ${topic}`, { partitions });
    return await admin.partitions(topic, deps.signal);
  } finally {
    await admin.close();
  }
}

function tell(summary: ProducerSummary, deps: CommandDeps): void {
  const partitions = Object.fromEntries(summary.byPartition);
  deps.log.info(`sent ${summary.acknowledged} records to ${summary.topic}`, {
    read: summary.read,
    leftOut: summary.leftOut,
    partitions,
  });
}
