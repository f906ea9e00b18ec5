// The verify command: compares topic, ledger and table per topic partition and prints the accounting. Anyone may run
// it at any time, beside running consumers too; it changes nothing it looks at.

import { HiveClient } from '../clients/hive/session.ts';
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { GroupConsumer } from '../clients/kafka/consumer.ts';
import { type OpenConsumer, readRanges } from '../clients/kafka/read-ranges.ts';
import type { Settings } from '../params/schema.ts';
import { isCode, PipelineError } from '../pipeline/errors.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import type { OffsetRange } from '../pipeline/range.ts';
import { withRetry } from '../pipeline/retry.ts';
import { deadLetterTopic } from './dead-letters.ts';
import { openLedger } from './sinks/index.ts';
import { TopicCounts } from './verify/count.ts';
import { gather } from './verify/gather.ts';
import { judge, type VerifyReport } from './verify/judge.ts';
import { reportJson, reportLines } from './verify/print.ts';

export interface VerifyOptions {
  /** Table without its database; default: that of consumer-from-position. */
  readonly table?: string;
  /** Print one JSON object instead of a table. */
  readonly json?: boolean;
  /** Read the topic and the dead-letter topic and count their records, instead of trusting offsets. */
  readonly readTopic?: boolean;
}

const COUNT_RETRY = { delayMs: 1000, delayMsMax: 5000, deadlineMs: 30_000 };

/**
 * Prints the report and returns it. Throws VERIFY_FAILED after printing when anything does not agree, and what Kafka,
 * HiveServer2 and the ledger throw.
 */
export async function runVerify(
  settings: Settings,
  deps: CommandDeps,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const opened = new Lifecycle();
  try {
    const report = await inspect(settings, deps, options, opened);
    if (options.json) deps.out(reportJson(report));
    else for (const line of reportLines(report)) deps.out(line);
    if (!report.balanced) throw failed(report);
    return report;
  } finally {
    await opened.close();
  }
}

async function inspect(
  { params, config }: Settings,
  deps: CommandDeps,
  { table = params.table.name, readTopic = false }: VerifyOptions,
  opened: Lifecycle,
): Promise<VerifyReport> {
  const { log, clock, signal } = deps;
  const {
    topic,
    limits,
    table: { database },
  } = params;
  const admin = await KafkaAdmin.open(config.kafka, log, signal, limits.startMs);
  opened.add('admin', admin);
  const hive = opened.add('hive', await HiveClient.open(config.hive, { log, clock }, signal));
  const ledger = await openLedger({ params, config }, table, { hive, clock, opened }, signal);
  const bounds = await admin.offsets(topic, signal);
  const counts = readTopic ? new TopicCounts(topic, bounds) : undefined;
  const facts = await gather(
    {
      ledger,
      topic,
      database,
      table,
      bounds,
      // A look may be repeated: a job of a busy cluster fails now and then.
      query: (sql, until) => withRetry(() => hive.query(sql, until), COUNT_RETRY, clock, until),
      ...(counts ? { onEntry: (entry) => counts.expect(entry) } : {}),
    },
    signal,
  );
  const into = `${database}.${table}`;
  if (counts === undefined) return judge(topic, into, facts);
  const { sessionTimeoutMs } = params.consumer;
  const { retryMs } = params.limits;
  const open: OpenConsumer = (name, group) =>
    GroupConsumer.create(config.kafka, { topics: [name], group, sessionTimeoutMs, retryMs }, log);
  await readRanges(open, counts.ranges, (at, { offset }) => counts.add(at, offset), signal);
  const letters = await deadLetterRanges(admin, deadLetterTopic(params), signal);
  await readRanges(open, letters, (_, record) => counts.addDeadLetter(record, into), signal);
  const expired = letters.some(({ start }) => start > 0n);
  return judge(
    topic,
    into,
    facts.map((one) => ({ ...one, count: counts.result(one.partition, expired) })),
  );
}

/** All that the dead-letter topic holds; nothing when it does not exist. */
async function deadLetterRanges(
  admin: KafkaAdmin,
  topic: string,
  signal: AbortSignal,
): Promise<OffsetRange[]> {
  const bounds = await admin.offsets(topic, signal).catch((error: unknown) => {
    if (isCode(error, 'KAFKA_REJECTED') && /does not exist/.test(error.message)) return undefined;
    throw error;
  });
  return [...(bounds ?? [])].map(([partition, { logStart, highWatermark }]) => ({
    topic,
    partition,
    start: logStart,
    end: highWatermark,
  }));
}

function failed({ topic, table, total, partitions }: VerifyReport): PipelineError {
  const problems = partitions.flatMap((one) => one.problems);
  const more = problems.length > 3 ? `; and ${problems.length - 3} more` : '';
  return new PipelineError(
    'VERIFY_FAILED',
    `topic ${topic} and table ${table} do not agree: ${problems.slice(0, 3).join('; ')}${more}`,
    {
      hint: 'docs/delivery.md tells what each of these can mean. A consumer that is at work may change the picture: verify again.',
      context: { topic, table, missing: total.missing, doubled: total.doubled },
    },
  );
}
