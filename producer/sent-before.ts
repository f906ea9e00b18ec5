// What an earlier producer sent behind its saved cursors: ids and keys in the topic tell, so that it is not sent again.
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { GroupConsumer } from '../clients/kafka/consumer.ts';
import { type OpenConsumer, readRanges } from '../clients/kafka/read-ranges.ts';
import type { Settings } from '../params/schema.ts';
import { isCode } from '../pipeline/errors.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import type { OffsetRange } from '../pipeline/range.ts';
import type { PipelineRecord } from '../pipeline/record.ts';
import { ID_HEADER } from '../pipeline/source.ts';
import { RecentIds } from './recent-ids.ts';

/** Ids remembered, and records looked back over at most. About 30 MB of long ids. */
const RECENT_IDS_MAX = 200_000;
/** Clocks differ. */
const MARGIN_MS = 5 * 60_000;
/**
 * Records looked back over at least: sources read some seconds or minutes again from before their cursor, counted in the times
 * of the posts. After an hour without the service these were sent an hour before the cursor was saved.
 */
const RECORDS_MIN = 50_000;
const SESSION_MS = 10_000;

/**
 * The ids (of their header, else their key) of the newest records sent since `savedAt`, 5 minutes before it included: at most 200,000, shared out among the
 * partitions that have any. Nothing is looked for when `savedAt` is undefined. Without the right to read the topic nothing
 * is found either, which is warned about. Throws KAFKA_*.
 */
export async function idsSentBefore(
  settings: Settings,
  savedAt: number | undefined,
  { log }: Pick<CommandDeps, 'log'>,
  signal: AbortSignal,
): Promise<RecentIds> {
  const recent = new RecentIds(RECENT_IDS_MAX);
  if (savedAt === undefined) return recent;
  const { params, config } = settings;
  const { topic, limits } = params;
  const options = { topics: [topic], sessionTimeoutMs: SESSION_MS, retryMs: limits.retryMs };
  const open: OpenConsumer = (_, group) =>
    GroupConsumer.create(config.kafka, { ...options, group }, log);
  try {
    const ranges = await tails(settings, savedAt - MARGIN_MS, log, signal);
    const remember = ({ key, headers }: PipelineRecord) => {
      const id = headers?.[ID_HEADER]?.[0] ?? key;
      if (id) recent.isNew(id.toString());
    };
    await readRanges(open, ranges, (_, record) => remember(record), signal);
    const records = ranges.reduce((sum, { start, end }) => sum + end - start, 0n);
    log.info('looked at what was sent before', { topic, records, ids: recent.size });
  } catch (error) {
    if (!isCode(error, 'KAFKA_REJECTED')) throw error;
    log.warn(`${error.message}; posts sent shortly before the last end may be sent again`, {
      hint: error.hint,
    });
  }
  return recent;
}

async function tails(
  { params, config }: Settings,
  sinceMs: number,
  log: CommandDeps['log'],
  signal: AbortSignal,
): Promise<OffsetRange[]> {
  const { topic, limits } = params;
  const admin = await KafkaAdmin.open(config.kafka, log, signal, limits.startMs);
  try {
    const [begins, bounds] = await Promise.all([
      admin.offsetsAt(topic, sinceMs, signal),
      admin.offsets(topic, signal),
    ]);
    const least = BigInt(Math.floor(RECORDS_MIN / bounds.size));
    const all = [...bounds].map(([partition, { logStart, highWatermark: end }]) => {
      const since = begins.get(partition) ?? logStart;
      const start = [since, end - least].reduce((a, b) => (a < b ? a : b));
      return { topic, partition, start: start > logStart ? start : logStart, end };
    });
    const filled = all.filter(({ start, end }) => start < end);
    const share = BigInt(Math.floor(RECENT_IDS_MAX / Math.max(filled.length, 1)));
    return filled.map((range) => ({
      ...range,
      start: range.end - range.start > share ? range.end - share : range.start,
    }));
  } finally {
    await admin.close();
  }
}
