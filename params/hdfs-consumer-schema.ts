// The section of params.json for the hdfs-consumer: which topics, which directory, when files are written.
import { z } from 'zod';
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

export const hdfsConsumerSchema = z.strictObject({
  topics: oneOrMore(topic).optional().describe('Topics the hdfs-consumer reads, one or several'),
  basePath: z
    .string()
    .regex(/^((hdfs|webhdfs):\/\/[^/]*\/.+|file:\/.+|(?![a-z0-9]+:).+)$/, {
      message: 'expected hdfs://host:port/path, webhdfs://host:port/path or a local directory',
    })
    .default('hdfs-data')
    .describe(
      'Where <CC>/<City-Name>/alerts.json grow: hdfs://host:port/path, webhdfs://... or a local directory',
    ),
  group: name.default('hdfs_consumer_group').describe('Consumer group of the hdfs-consumer'),
  offsetReset: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe('Where a topic partition starts that the base path has nothing of'),
  batchSize: whole(1, 1_000_000)
    .default(100)
    .describe('Records per batch: a batch of a topic partition is written when it has so many'),
  flushIntervalMs: whole(100, DAY)
    .default(30 * SECOND)
    .describe('A batch is written this long after its first record, full or not'),
  bufferBytesMax: whole(MB, 64 * 1024 * MB)
    .default(128 * MB)
    .describe('Bytes of records held in memory over all topic partitions'),
  maxPollRecords: whole(1, 1_000_000)
    .default(500)
    .describe(
      'Records taken in at once from what a fetch brought; the group hears from us between',
    ),
  pollMs: whole(10, 5 * MINUTE)
    .default(100)
    .describe('How long a fetch waits at the broker for records'),
  layout: z
    .enum(['grow', 'batches'])
    .default('grow')
    .describe('grow: alerts.json of each location grows; batches: a file of its own per batch'),
  compression: z
    .enum(['none', 'gzip'])
    .default('none')
    .describe('gzip: alerts.json.gz, because Hadoop goes by the ending'),
  fileBytesMax: whole(1024, 1024 * 1024 * MB)
    .default(100 * MB)
    .describe('A file that is so large grows no more; the next one is alerts-000001.json'),
  replication: whole(1, 512)
    .optional()
    .describe('HDFS: copies of each block; default: what the NameNode says'),
  hiveTable: identifier
    .optional()
    .describe('External Hive table over the base path, in table.database; default: none'),
});
