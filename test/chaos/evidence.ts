// What the checker judges: topic, destination, dead letters and ledger as they stand after a schedule, read without proxies.
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer } from '../../clients/kafka/consumer.ts';
import { readRanges } from '../../clients/kafka/read-ranges.ts';
import { DEAD_LETTER_HEADERS, deadLetterTopic } from '../../consumer/dead-letters.ts';
import type { LedgerFacts } from '../../consumer/verify/facts.ts';
import { gatherLedger } from '../../consumer/verify/gather.ts';
import type { Settings } from '../../params/schema.ts';
import type { BatchRecord, Ledger } from '../../pipeline/ledger.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import type { TableRow } from './destination.ts';
import { openHiveTable } from './hive-table.ts';
import { openLocationTree } from './location-tree.ts';
import { RUN_HEADER } from './workload.ts';

export interface TopicRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly id: string;
  /** Which life of its producer sent it. */
  readonly run: string;
  readonly timestamp: number;
  readonly value: Buffer | null;
}

export interface DeadLetter {
  readonly partition: number;
  readonly offset: bigint;
  readonly value: Buffer | null;
}

export interface Chain {
  readonly partition: number;
  /** What `verify` makes of it; undefined when nobody has begun to read the partition. */
  readonly facts: LedgerFacts | undefined;
  readonly entries: readonly BatchRecord[];
}

export interface Evidence {
  readonly topic: string;
  /** Name of the destination. */
  readonly table: string;
  /** By topic partition, where its log ends. */
  readonly ends: ReadonlyMap<number, bigint>;
  /** In order within each partition. */
  readonly records: readonly TopicRecord[];
  /** In the order in which they stand in their files. */
  readonly rows: readonly TableRow[];
  readonly deadLetters: readonly DeadLetter[];
  readonly chains: readonly Chain[];
  /** Staged pieces that are left though everything is placed. */
  readonly leftovers: readonly string[];
}

/** `settings` reach the servers directly. Throws what the servers throw. */
export async function gatherEvidence(settings: Settings, signal: AbortSignal): Promise<Evidence> {
  const opened = new Lifecycle();
  try {
    return await gather(settings, opened, signal);
  } finally {
    await opened.close();
  }
}

async function gather(
  settings: Settings,
  opened: Lifecycle,
  signal: AbortSignal,
): Promise<Evidence> {
  const { params, config } = settings;
  const { topic } = params;
  const open = params.hdfsConsumer.topics ? openLocationTree : openHiveTable;
  const { name, ledger, rows, leftovers } = await open(settings, opened, signal);
  const admin = opened.add('admin', await KafkaAdmin.open(config.kafka, silentLog, signal));
  const bounds = await admin.offsets(topic, signal);
  const records: TopicRecord[] = [];
  const deadLetters: DeadLetter[] = [];
  const letters = deadLetterTopic(params);
  await Promise.all([
    readAll(settings, topic, bounds, (of, record) => records.push(toRecord(of, record)), signal),
    admin.offsets(letters, signal).then(
      (held) =>
        readAll(settings, letters, held, (_, one) => deadLetters.push(toLetter(one)), signal),
      // No record had to be set aside: nobody has made the topic.
      () => undefined,
    ),
  ]);
  return {
    ...{ topic, table: name, records, deadLetters },
    ends: new Map([...bounds].map(([partition, { highWatermark }]) => [partition, highWatermark])),
    rows: await rows(),
    chains: await Promise.all(
      [...bounds.keys()].map((partition) => readChain(ledger, { topic, partition }, signal)),
    ),
    leftovers: await leftovers(),
  };
}

async function readAll(
  { config }: Settings,
  topic: string,
  bounds: ReadonlyMap<number, { readonly logStart: bigint; readonly highWatermark: bigint }>,
  each: (partition: number, record: PipelineRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  const ranges = [...bounds].map(([partition, { logStart: start, highWatermark: end }]) => ({
    ...{ topic, partition, start, end },
  }));
  const open = (name: string, group: string) =>
    GroupConsumer.create(
      config.kafka,
      { topics: [name], group, sessionTimeoutMs: 30_000, retryMs: 60_000 },
      silentLog,
    );
  await readRanges(open, ranges, each, signal);
}

function toRecord(partition: number, record: PipelineRecord): TopicRecord {
  const { offset, key, headers, timestamp, value } = record;
  const run = headers?.[RUN_HEADER]?.[0]?.toString() ?? '';
  return { partition, offset, id: key?.toString() ?? '', run, timestamp, value };
}

function toLetter({ headers, value }: PipelineRecord): DeadLetter {
  const read = (name: string) => headers?.[name]?.[0]?.toString() ?? '-1';
  return {
    partition: Number(read(DEAD_LETTER_HEADERS.partition)),
    offset: BigInt(read(DEAD_LETTER_HEADERS.offset)),
    value,
  };
}

async function readChain(
  ledger: Ledger,
  of: { readonly topic: string; readonly partition: number },
  signal: AbortSignal,
): Promise<Chain> {
  const entries: BatchRecord[] = [];
  const facts = await gatherLedger(ledger, of, signal, (entry) => entries.push(entry));
  return { partition: of.partition, facts, entries };
}
