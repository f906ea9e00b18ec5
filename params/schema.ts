// The schema of params.json, the job; config-schema.ts has that of config.json. Types, checks, the JSON schemas for editors
// and docs/configuration.md all come from these two. Every default stands there and nowhere else.
import { z } from 'zod';
import { COLUMN_TYPES, POST_COLUMNS } from '../pipeline/table.ts';
import type { Config } from './config-schema.ts';
import { DAY, MINUTE, name, oneOrMore, SECOND, whole } from './schema-parts.ts';

const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected letters, digits and _');
const topic = z
  .string()
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'expected 1 to 249 of a-z A-Z 0-9 . _ -');
const MB = 1024 * 1024;

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

/** A letter of any script at least once, digits, and what joins letters in some scripts. */
const hashtag = z
  .string()
  .regex(
    /^[#＃]?[\p{L}\p{M}\p{Nd}\p{Cf}_·־׳״་༌〃〜゛゜゠・～]+$/u,
    'expected a hashtag, with or without #',
  );

const dollars = (price: number) => z.number().min(0).max(1000).default(price);

const xSchema = z.strictObject({
  fields: z
    .array(name)
    .default(['author_id', 'created_at', 'lang', 'entities', 'note_tweet'])
    .describe('x: fields of each post that are asked for (tweet.fields); they cost nothing'),
  expansions: z
    .array(name)
    .default(['author_id'])
    .describe(
      'x: objects that come with each post; X bills every user in them, see producer/README.md',
    ),
  backfillMinutes: whole(0, 5)
    .default(0)
    .describe('x: minutes X is asked to replay after a broken connection; Enterprise plans only'),
  replaceRules: z
    .boolean()
    .default(false)
    .describe(
      'x: when X takes no more filter rules, delete the oldest ones of others in the same X app to make room',
    ),
  postPrice: dollars(0.005).describe('x: dollars X bills for a post, for the estimate in the log'),
  userPrice: dollars(0.01).describe('x: dollars X bills for a user that comes with a post'),
});

const producerSchema = z.strictObject({
  source: oneOrMore(z.enum(['x', 'bluesky', 'mastodon', 'lines']))
    .default(['x'])
    .describe('Where posts come from, one or several'),
  languages: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'expected a language such as en or pt-BR'),
    )
    .default([])
    .describe('Only posts in these languages (und: that name none); empty: all'),
  cursorFile: name
    .default('state/cursors.json')
    .describe('Where each source goes on after a restart, relative to the working directory'),
  x: xSchema.prefault({}),
  input: z.array(name).default([]).describe('Files of the lines source; - is standard input'),
  raw: z.boolean().default(false).describe('lines: send each line as plain text instead of JSON'),
  csv: z
    .boolean()
    .default(false)
    .describe('lines: the input is CSV with a header; each row becomes a JSON object of texts'),
  follow: z
    .boolean()
    .default(false)
    .describe('lines: go on reading a file that grows or is rotated, as tail -F does'),
  topicPartitions: whole(1, 10_000)
    .default(4)
    .describe('Partitions of a topic the producer creates'),
  topicReplication: whole(1, 100)
    .default(1)
    .describe('Replication of a topic the producer creates'),
  partitioning: z
    .enum(['rotate', 'key', 'round-robin'])
    .default('rotate')
    .describe('rotate: one partition at a time, the next after partitionSwitchMinutes'),
  partitionSwitchMinutes: z
    .number()
    .positive()
    .max(7 * 24 * 60)
    .default(10)
    .describe('Minutes on one partition before the producer moves to the next'),
  sendSize: whole(1, 100_000).default(1000).describe('Records per send at most'),
  sendBytesMax: whole(1024, 900_000)
    .default(512 * 1024)
    .describe('Bytes per send and partition at most'),
  compression: z
    .enum(['none', 'gzip', 'snappy', 'zstd'])
    .default('none')
    .describe('How record batches are packed on their way to Kafka; lz4 can only be read'),
  lingerMs: whole(0, MINUTE)
    .default(100)
    .describe('Milliseconds a part-filled send waits for more'),
  maxMessages: whole(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Stop after this many records'),
});

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
  positions: positionsSchema.prefault({}),
  ledger: ledgerSchema.prefault({}),
  deadLetters: deadLettersSchema.prefault({}),
  limits: limitsSchema.prefault({}),
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
