// `kafka-hive hdfs-consumer`: weather records of several topics into <CC>/<City-Name>/alerts.json, on HDFS or on this machine.
import { type Command, InvalidArgumentError } from 'commander';
import type { Settings } from '../params/schema.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import { byteSize } from './byte-size.ts';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';
import { durationMinutes } from './duration.ts';
import { allOf, METRICS_OPTION, withConsumerMetrics } from './watch.ts';

/** `30` as the exercise has it, in seconds; or `500ms`, `2m`. */
function milliseconds(text: string): string {
  const minutes = durationMinutes(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
  if (minutes === undefined) throw new InvalidArgumentError('Expected seconds, or 500ms, 30s, 2m.');
  return String(Math.round(minutes * 60_000));
}

function bytes(text: string): string {
  const size = byteSize(text);
  if (size === undefined) throw new InvalidArgumentError('Expected 100MB, 512KB, 1GB or bytes.');
  return String(size);
}

const OPTIONS: readonly SettingOption[] = [
  { flags: '--hdfs-path <path>', key: 'hdfsConsumer.basePath' },
  { flags: '--topics <name,...>', key: 'hdfsConsumer.topics' },
  { flags: '--batch-size <records>', key: 'hdfsConsumer.batchSize' },
  {
    flags: '--flush-interval <seconds>',
    key: 'hdfsConsumer.flushIntervalMs',
    convert: milliseconds,
  },
  { flags: '--group-id <id>', key: 'hdfsConsumer.group' },
  { flags: '--kafka-servers <host:port,...>', key: 'kafka.brokers' },
  { flags: '--offset-reset <where>', key: 'hdfsConsumer.offsetReset' },
  { flags: '--layout <name>', key: 'hdfsConsumer.layout' },
  { flags: '--compression <name>', key: 'hdfsConsumer.compression' },
  { flags: '--max-file-size <size>', key: 'hdfsConsumer.fileBytesMax', convert: bytes },
  { flags: '--replication-factor <copies>', key: 'hdfsConsumer.replication' },
  { flags: '--buffer-memory <size>', key: 'hdfsConsumer.bufferBytesMax', convert: bytes },
  { flags: '--max-poll-records <records>', key: 'hdfsConsumer.maxPollRecords' },
  { flags: '--hive-table <name>', key: 'hdfsConsumer.hiveTable' },
  { flags: '--database <name>', key: 'table.database', description: 'database of --hive-table' },
  {
    flags: '--stats-interval <seconds>',
    key: 'monitor.statsIntervalMs',
    convert: milliseconds,
    description: 'time between two summaries of --monitoring',
  },
  METRICS_OPTION,
];

const EXAMPLES = `
Examples:
  kafka-hive hdfs-consumer --topics geo_weather_stream              into ./hdfs-data/<CC>/<City-Name>/alerts.json
  kafka-hive hdfs-consumer --topics weather,alerts --hdfs-path hdfs://namenode:8020/weather --hive-table weather
                                                                    on HDFS, and as a table that SQL can ask
  kafka-hive hdfs-consumer --topics weather --monitoring --stats-interval 10
                                                                    what is written where, and how fast
  kafka-hive hdfs-consumer --topics weather --until-end --compression gzip
                                                                    what is there now, packed, then end
`;

interface Options {
  readonly untilEnd?: boolean;
  readonly monitoring?: boolean;
}

export function addHdfsConsumerCommand(program: Command, around: Surroundings): void {
  const command = program
    .command('hdfs-consumer')
    .summary('weather records into files by country and city')
    .description(
      'Writes weather records of one or more topics into <base path>/<CC>/<City-Name>/alerts.json, on HDFS or in a directory, each exactly once.',
    )
    .addHelpText('after', EXAMPLES);
  addSettingOptions(command, OPTIONS)
    .option('--monitoring', 'tell what is written where, and a summary each --stats-interval')
    .option('--until-end', 'end when everything that is in the topics now is placed')
    .action(async ({ untilEnd = false, monitoring = false }: Options) => {
      const table = monitoring ? await liveTable() : undefined;
      const stderr = table && around.stderr.isTTY ? table.above(around.stderr) : around.stderr;
      const { settings, deps } = openContext(
        command,
        { ...around, stderr },
        flagsOf(command, OPTIONS),
      );
      await withConsumerMetrics(settings.params, deps, async (metrics) => {
        const opened = new Lifecycle();
        try {
          const addLocation = await openTable(settings, deps, opened);
          const observers: ConsumerObserver[] = metrics ? [metrics] : [];
          if (monitoring) {
            const { Monitoring } = await import('../monitor/monitoring.ts');
            const intervalMs = settings.params.monitor.statsIntervalMs;
            observers.push(
              opened.add('monitoring', new Monitoring({ ...deps, intervalMs, table })),
            );
          }
          const { runHdfsConsumer } = await import('../consumer/hdfs-consumer.ts');
          const observer = allOf(observers);
          await runHdfsConsumer(settings, deps, { untilEnd, observer, addLocation });
        } finally {
          await opened.close();
        }
      });
    });
}

/** Only where a person watches. */
async function liveTable() {
  if (!process.stdout.isTTY) return undefined;
  const { LiveTable } = await import('../monitor/live-table.ts');
  return new LiveTable(process.stdout);
}

/** What makes a location a partition of the Hive table; undefined where none is asked for. */
async function openTable({ params, config }: Settings, deps: CommandDeps, opened: Lifecycle) {
  const { hiveTable: name, basePath } = params.hdfsConsumer;
  if (name === undefined) return undefined;
  const { absoluteLocation } = await import('../clients/files/location.ts');
  const { LocationTable } = await import('../consumer/sinks/location-table.ts');
  const base = absoluteLocation(basePath);
  const table = await LocationTable.open({ params, config }, { name, base }, deps);
  opened.add('Hive table', table);
  return (location: string, signal: AbortSignal) => table.add(location, signal);
}
