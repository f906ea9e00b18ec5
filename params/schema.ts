// The schema of params.json, the job; config-schema.ts has that of config.json. Types, checks, the JSON schemas for editors
// and docs/configuration.md all come from these two. Every default stands there and nowhere else.
import { z } from 'zod';
import { COLUMN_TYPES, POST_COLUMNS } from '../pipeline/table.ts';
import { alertsSchema } from './alerts-schema.ts';
import type { Config } from './config-schema.ts';
import { hdfsConsumerSchema } from './hdfs-consumer-schema.ts';
import { hashtag, producerSchema } from './producer-schema.ts';
import {
  DAY,
  identifier,
  MB,
  MINUTE,
  name,
  oneOrMore,
  SECOND,
  topic,
  whole,
} from './schema-parts.ts';
import { weatherSchema } from './weather-schema.ts';

const columnSchema = z
  .strictObject({
    name: identifier.describe('Column name, lower case in Hive'),
    type: z.enum(COLUMN_TYPES).describe('Hive type'),
    path: z
      .string()
      .regex(/^[^.]+(\.[^.]+)*$/, 'expected a path such as id, location.city, $ or $rest')
      .optional()
      .describe(
        'Path in the JSON value (a.b.c), $ for all of it, $rest for what no column takes; default: the name',
      ),
  })
  .transform((column) => ({ ...column, path: column.path ?? column.name }));

const batchSchema = z.strictObject({
  size: whole(1, 1_000_000)
    .default(1000)
    .describe('Records per batch (the X of "packages X messages")'),
  bytesMax: whole(1024, 1024 * MB)
    .default(16 * MB)
    .describe('Bytes per batch'),
  ageMsMax: whole(100, DAY)
    .default(30 * SECOND)
    .describe('A batch is closed this long after its first record'),
  idleMsMax: whole(100, DAY)
    .default(5 * SECOND)
    .describe('A batch is closed this long after its last record'),
});

const tableSchema = z.strictObject({
  database: identifier.default('default').describe('Hive database, created when missing'),
  name: identifier.default('posts').describe('Table of consumer-from-position'),
  liveName: identifier.default('posts_live').describe('Table of the live consumer'),
  columns: z
    .array(columnSchema)
    .min(1)
    .default(() => POST_COLUMNS.map((column) => ({ ...column })))
    .describe('Columns besides kafka_topic, kafka_partition, kafka_offset, kafka_timestamp'),
  dayFrom: identifier
    .default('kafka_timestamp')
    .describe('Timestamp column that gives dt, the UTC day the table is partitioned by'),
  format: z
    .enum(['parquet', 'json', 'json-gzip'])
    .default('parquet')
    .describe('File format; json is JSON Lines'),
  location: z
    .string()
    .regex(/^(hdfs:\/\/|file:\/).+/, 'expected hdfs://host:port/path or file:/path')
    .optional()
    .describe('hdfs://host:port/path or file:/path of the table; default: HiveServer2 chooses'),
});

const consumerSchema = z.strictObject({
  sink: z
    .enum(['hive-load', 'hive-insert'])
    .default('hive-load')
    .describe(
      'hive-load writes files and needs HDFS or a shared directory; hive-insert needs only HiveServer2',
    ),
  valueFormat: z
    .enum(['json', 'text'])
    .default('json')
    .describe('What a record value is; text lands in column value'),
  group: name.default('kafka-hive').describe('Consumer group of consumer-from-position'),
  liveGroup: name.default('kafka-hive-live').describe('Consumer group of the live consumer'),
  from: z
    .string()
    .regex(
      /^(stored|beginning|end|\d+|\d+:\d+(,\d+:\d+)*|-\d+(s|m|h|d)|\d{4}-\d\d-\d\d.*)$/,
      'expected stored, beginning, end, an offset, partition:offset,..., an ISO time or -2h',
    )
    .default('stored')
    .describe(
      'Where a topic partition starts that the ledger does not know: stored (= beginning), beginning, end, offset, partition:offset,..., ISO time, -2h',
    ),
  onGap: z
    .enum(['stop', 'earliest', 'latest'])
    .default('stop')
    .describe('What to do when records were deleted before they were read'),
  tombstones: z
    .enum(['skip', 'write', 'dead-letter'])
    .default('skip')
    .describe('What to do with records without value'),
  dedupe: z
    .strictObject({
      by: name
        .default('id')
        .describe(
          'Path in the JSON value that tells a record from every other, or $key for the key',
        ),
      window: whole(1, 10_000_000)
        .default(100_000)
        .describe('Offsets of the topic partition that are looked back over'),
    })
    .optional()
    .describe('Records that repeat one within the window are counted as skipped; default: off'),
  sessionTimeoutMs: whole(6000, 30 * MINUTE)
    .default(10 * SECOND)
    .describe('Kafka session time-out: how long a dead consumer keeps its partitions'),
});

const positionsSchema = z.strictObject({
  store: z
    .enum(['file', 'group'])
    .default('file')
    .describe('file: node-json-db on this disk; group: the consumer group offset'),
  file: name
    .default('state/positions.json')
    .describe('Position file, relative to the working directory'),
});

const ledgerSchema = z.strictObject({
  keepDays: whole(1, 36_500)
    .default(30)
    .describe(
      'Days after which ledger entries are rolled up; a writer asleep for longer is refused',
    ),
});

const limitsSchema = z.strictObject({
  deadLetterShare: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe(
      'Above this share of dead letters among the last deadLetterWindow records the consumer stops',
    ),
  deadLetterWindow: whole(1, 10_000_000)
    .default(1000)
    .describe('Records over which the share is taken'),
  bufferBytesMax: whole(MB, 64 * 1024 * MB)
    .default(48 * MB)
    .describe(
      'Bytes of records held in memory over all topic partitions; batches are cut smaller rather than exceed it',
    ),
  retryMs: whole(0, 7 * DAY)
    .default(10 * MINUTE)
    .describe('How long a step is retried while a service is away'),
  postsPerDay: whole(1, 100_000_000)
    .optional()
    .describe(
      'x: posts read in one UTC day after which nothing is read until the next; default: no limit',
    ),
  startMs: whole(1000, DAY)
    .default(10 * SECOND)
    .describe('How long a service may take to answer at start-up'),
});

const deadLettersSchema = z.strictObject({
  topic: topic.optional().describe('Topic of undecodable records; default: <topic>.dead-letters'),
});

export const paramsSchema = z.strictObject({
  $schema: z.string().optional(),
  topic: topic.default('posts').describe('Kafka topic'),
  hashtag: oneOrMore(hashtag).optional().describe('Hashtag the producer looks for, one or several'),
  producer: producerSchema.prefault({}),
  batch: batchSchema.prefault({}),
  table: tableSchema.prefault({}),
  consumer: consumerSchema.prefault({}),
  hdfsConsumer: hdfsConsumerSchema.prefault({}),
  weather: weatherSchema.prefault({}),
  alerts: alertsSchema.prefault({}),
  positions: positionsSchema.prefault({}),
  ledger: ledgerSchema.prefault({}),
  deadLetters: deadLettersSchema.prefault({}),
  limits: limitsSchema.prefault({}),
  monitor: z
    .strictObject({
      metricsPort: whole(0, 65_535)
        .optional()
        .describe('Port on 127.0.0.1 for /metrics and /livez; 0: any free one; default: none'),
      statsIntervalMs: whole(100, DAY)
        .default(MINUTE)
        .describe('hdfs-consumer --monitoring: milliseconds between two summaries'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least level that is logged'),
      format: z
        .enum(['auto', 'pretty', 'json'])
        .default('auto')
        .describe('auto: pretty on a terminal, JSON lines elsewhere'),
    })
    .prefault({}),
});

export type Params = z.output<typeof paramsSchema>;
export { type Config, configSchema, type TlsSettings } from './config-schema.ts';

/** Everything a command needs to know, checked. */
export interface Settings {
  readonly params: Params;
  readonly config: Config;
}
