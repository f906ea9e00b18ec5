// The one schema of params.json (the job) and config.json (connections, credentials). Types, checks, the JSON
// schemas for editors and docs/configuration.md all come from here. Every default stands here and nowhere else.
import { z } from 'zod';
import { COLUMN_TYPES, POST_COLUMNS } from '../pipeline/table.ts';
import { Secret } from './secret.ts';

const name = z.string().min(1);
const whole = (min: number, max: number) => z.int().min(min).max(max);
const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected letters, digits and _');
const topic = z
  .string()
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'expected 1 to 249 of a-z A-Z 0-9 . _ -');
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const MB = 1024 * 1024;

export const columnSchema = z
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

export const producerSchema = z.strictObject({
  source: z.enum(['x', 'lines']).default('x').describe('Where posts come from'),
  input: z.array(name).default([]).describe('Files of the lines source; - is standard input'),
  raw: z.boolean().default(false).describe('lines: send each line as plain text instead of JSON'),
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
  lingerMs: whole(0, MINUTE)
    .default(100)
    .describe('Milliseconds a part-filled send waits for more'),
  maxMessages: whole(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Stop after this many records'),
});

export const batchSchema = z.strictObject({
  size: whole(1, 1_000_000)
    .default(1000)
    .describe('Records per batch (the X of "packages X messages")'),
  bytesMax: whole(1024, 1024 * MB)
    .default(32 * MB)
    .describe('Bytes per batch'),
  ageMsMax: whole(100, DAY)
    .default(30 * SECOND)
    .describe('A batch is closed this long after its first record'),
  idleMsMax: whole(100, DAY)
    .default(5 * SECOND)
    .describe('A batch is closed this long after its last record'),
});

export const tableSchema = z.strictObject({
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

export const consumerSchema = z.strictObject({
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
  sessionTimeoutMs: whole(6000, 30 * MINUTE)
    .default(10 * SECOND)
    .describe('Kafka session time-out: how long a dead consumer keeps its partitions'),
});

export const positionsSchema = z.strictObject({
  store: z
    .enum(['file', 'group'])
    .default('file')
    .describe('file: node-json-db on this disk; group: the consumer group offset'),
  file: name
    .default('state/positions.json')
    .describe('Position file, relative to the working directory'),
});

export const limitsSchema = z.strictObject({
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
    .default(96 * MB)
    .describe('Bytes of records held in memory over all topic partitions'),
  retryMs: whole(0, 7 * DAY)
    .default(10 * MINUTE)
    .describe('How long a step is retried while a service is away'),
  startMs: whole(1000, DAY)
    .default(10 * SECOND)
    .describe('How long a service may take to answer at start-up'),
});

export const deadLettersSchema = z.strictObject({
  topic: topic.optional().describe('Topic of undecodable records; default: <topic>.dead-letters'),
});

export const paramsSchema = z.strictObject({
  $schema: z.string().optional(),
  topic: topic.default('posts').describe('Kafka topic'),
  hashtag: z
    .string()
    .regex(/^[#＃]?[\p{L}\p{M}\p{N}_]+$/u, 'expected a hashtag, with or without #')
    .optional()
    .describe('Hashtag the producer looks for'),
  producer: producerSchema.prefault({}),
  batch: batchSchema.prefault({}),
  table: tableSchema.prefault({}),
  consumer: consumerSchema.prefault({}),
  positions: positionsSchema.prefault({}),
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

/** A secret is a string in the file and a Secret afterwards: it prints as [secret]. A *_FILE gives a Secret at once. */
export const secret = z
  .union([z.string().min(1), z.instanceof(Secret)])
  .transform((value) => (value instanceof Secret ? value : new Secret(value)))
  .meta({ secret: true });

export const tlsSchema = z.strictObject({
  enabled: z.boolean().default(true).describe('false: plain text'),
  ca: name.optional().describe('PEM file of the authority to trust; default: the public ones'),
  cert: name.optional().describe('PEM file of the client certificate'),
  key: name.optional().describe('PEM file of its private key'),
  serverName: name
    .optional()
    .describe('Name expected in the server certificate, when it differs from the host'),
});

export const configSchema = z.strictObject({
  $schema: z.string().optional(),
  kafka: z
    .strictObject({
      brokers: z
        .array(z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, 'expected host:port'))
        .min(1)
        .default(['127.0.0.1:9092'])
        .describe('host:port of one or more brokers'),
      clientId: name.default('kafka-hive').describe('Client id shown in broker logs'),
      tls: tlsSchema.optional().describe('TLS; certificates are always checked'),
      sasl: z
        .strictObject({
          mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('SASL mechanism'),
          username: name.describe('User'),
          password: secret.describe('Password; better from the environment or a *_FILE'),
        })
        .optional(),
      connectTimeoutMs: whole(100, 5 * MINUTE)
        .default(3 * SECOND)
        .describe('Connect time-out'),
      requestTimeoutMs: whole(1000, 10 * MINUTE)
        .default(30 * SECOND)
        .describe('Request time-out'),
    })
    .prefault({}),
  hive: z
    .strictObject({
      host: name.default('127.0.0.1').describe('Host of HiveServer2'),
      port: whole(1, 65_535).default(10_000).describe('Port of HiveServer2'),
      transport: z
        .enum(['binary', 'http'])
        .default('binary')
        .describe('Thrift transport of HiveServer2'),
      httpPath: name.default('cliservice').describe('Path of the http transport'),
      auth: z
        .enum(['nosasl', 'none', 'password'])
        .default('none')
        .describe(
          'As hive.server2.authentication: nosasl = NOSASL, none = NONE (user only), password = LDAP, PAM, CUSTOM',
        ),
      username: name.default('hive').describe('User'),
      password: secret.optional().describe('Password; better from the environment or a *_FILE'),
      tls: tlsSchema.optional().describe('TLS; certificates are always checked'),
      connectTimeoutMs: whole(100, 5 * MINUTE)
        .default(10 * SECOND)
        .describe('Connect and login time-out'),
      statementTimeoutMs: whole(1000, DAY)
        .default(5 * MINUTE)
        .describe('Longest a statement may run'),
    })
    .prefault({}),
  hdfs: z
    .strictObject({
      nameNodes: z
        .array(z.url({ protocol: /^https?$/ }))
        .min(1)
        .default(['http://127.0.0.1:9870'])
        .describe('WebHDFS address of each NameNode'),
      user: name.default('hdfs').describe('User name sent to WebHDFS'),
      requestTimeoutMs: whole(100, 10 * MINUTE)
        .default(20 * SECOND)
        .describe('Longest a WebHDFS request may stay without an answer'),
      tls: tlsSchema.optional().describe('CA of an https NameNode'),
    })
    .prefault({}),
  x: z
    .strictObject({
      bearerToken: secret
        .optional()
        .describe('App-only bearer token of X; better from the environment or a *_FILE'),
      apiUrl: z.url().default('https://api.x.com').describe('Base address of the X API'),
    })
    .prefault({}),
});

export type Params = z.output<typeof paramsSchema>;
export type Config = z.output<typeof configSchema>;
export type TlsSettings = z.output<typeof tlsSchema>;

/** Everything a command needs to know, checked. */
export interface Settings {
  readonly params: Params;
  readonly config: Config;
}
