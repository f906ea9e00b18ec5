// The hdfs-consumer: weather records of several topics into `<base path>/<CC>/<City-Name>/alerts.json`, on HDFS or in a
// directory of this machine, each exactly once.
import { setFlagsFromString } from 'node:v8';
import { absoluteLocation, openLocation } from '../clients/files/location.ts';
import type { Settings } from '../params/schema.ts';
import { PipelineError } from '../pipeline/errors.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import type { Sink } from '../pipeline/sink.ts';
import type { Delivery } from './deliver.ts';
import { GroupPositions } from './positions/group.ts';
import { type ConsumerSummary, runConsumer } from './run.ts';
import type { SinkDeps } from './sinks/index.ts';
import { LocationFilesSink } from './sinks/location-files.ts';

export interface HdfsConsumerOptions {
  /** End when everything that was in the topics at the start is placed. */
  readonly untilEnd?: boolean;
  readonly observer?: ConsumerObserver | undefined;
  /**
   * Called, and waited for, before the first file of a location (`FR/Paris`, below the base path) is placed by this process: the
   * Hive table learns of its partition there. What it throws is retried if its code says so.
   */
  readonly addLocation?: ((location: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** Puts something in the way of every delivery; for the crash suite and the chaos run. */
  readonly rewire?: (delivery: Delivery) => Delivery;
}

/**
 * By how many percent V8 may let the heap grow over what was alive before it collects. Pieces of lines live for a second or two,
 * so at its own pace (up to four times as much) most of what the process holds is garbage.
 */
const HEAP_GROWING_PERCENT = 150;

/**
 * Runs `params.hdfsConsumer` until told to stop, or until the end with `untilEnd`. Throws CONFIG_INVALID without topics,
 * POSITION_LOCKED when another process has the local base path, and what Kafka and the base path can throw.
 */
export async function runHdfsConsumer(
  settings: Settings,
  deps: CommandDeps,
  { untilEnd = false, observer, addLocation, rewire }: HdfsConsumerOptions = {},
): Promise<ConsumerSummary> {
  const { group, basePath, topics, maxPollRecords, pollMs } = settings.params.hdfsConsumer;
  if (topics === undefined) {
    throw new PipelineError('CONFIG_INVALID', 'hdfsConsumer.topics names no topic to read', {
      hint: 'Set hdfsConsumer.topics in params.json, or --topics.',
    });
  }
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  return runConsumer(
    {
      settings: jobSettings(settings),
      topics: [...new Set(topics)],
      group,
      destination: basePath,
      fetch: { recordsMax: maxPollRecords, fetchWaitMs: pollMs },
      live: false,
      untilEnd,
      observer,
      openSink: (sinkDeps, signal) => openLocationFiles(settings, sinkDeps, addLocation, signal),
      openPositions: (commit, admin) => new GroupPositions({ group, admin, commit }),
      ...(rewire ? { rewire } : {}),
    },
    deps,
  );
}

/** What every consumer reads from params, as this one has it. */
function jobSettings({ params, config }: Settings): Settings {
  const { batchSize, flushIntervalMs, bufferBytesMax, offsetReset } = params.hdfsConsumer;
  const { dedupe: _, ...consumer } = params.consumer;
  return {
    config,
    params: {
      ...params,
      batch: {
        size: batchSize,
        bytesMax: Math.min(params.batch.bytesMax, bufferBytesMax),
        ageMsMax: flushIntervalMs,
        idleMsMax: flushIntervalMs,
      },
      consumer: { ...consumer, from: offsetReset === 'latest' ? 'end' : 'stored' },
      limits: { ...params.limits, bufferBytesMax },
    },
  };
}

async function openLocationFiles(
  { params, config }: Settings,
  { clock, opened }: SinkDeps,
  addLocation: HdfsConsumerOptions['addLocation'],
  signal: AbortSignal,
): Promise<Sink> {
  const { basePath, replication, layout, compression, fileBytesMax } = params.hdfsConsumer;
  const hdfs = { ...config.hdfs, replication };
  const { files, path: root } = openLocation(absoluteLocation(basePath), hdfs);
  opened.add('files', { close: async () => files.close() });
  const { tombstones } = params.consumer;
  const sink = opened.add(
    'sink',
    new LocationFilesSink({
      ...{ files, root, layout, compression, fileBytesMax, tombstones, addLocation, clock },
    }),
  );
  await sink.open(signal);
  return sink;
}
