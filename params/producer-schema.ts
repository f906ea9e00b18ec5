// The section of params.json for the producer: where posts come from, how they are sent.
import { z } from 'zod';
import { MINUTE, name, oneOrMore, whole } from './schema-parts.ts';

/** A letter of any script at least once, digits, and what joins letters in some scripts. */
export const hashtag = z
  .string()
  .regex(
    /^[#＃]?(?=.*[\p{L}\p{M}])[\p{L}\p{M}\p{Nd}\p{Cf}_·־׳״་༌〃〜゛゜゠・～]+$/u,
    'expected a hashtag, with or without #: one word, not of digits alone',
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

export const producerSchema = z.strictObject({
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
