// What the checker judges: topic, table, dead letters and ledger as they stand after a schedule, read without proxies.
import { openLocation } from '../../clients/files/location.ts';
import { quoteName } from '../../clients/hive/quoting.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer } from '../../clients/kafka/consumer.ts';
import { readRanges } from '../../clients/kafka/read-ranges.ts';
import { DEAD_LETTER_HEADERS, deadLetterTopic } from '../../consumer/dead-letters.ts';
import { openLedger } from '../../consumer/sinks/index.ts';
import type { LedgerFacts } from '../../consumer/verify/facts.ts';
import { gatherLedger } from '../../consumer/verify/gather.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { BatchRecord, Ledger } from '../../pipeline/ledger.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
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

export interface TableRow {
  readonly file: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly id: string | null;
  readonly text: string | null;
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
  /** `database.table` */
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
  const { topic, table } = params;
  const deps = { log: silentLog, clock: systemClock };
  const hive = opened.add('hive', await HiveClient.open(config.hive, deps, signal));
  const ledger = await openLedger(
    settings,
    table.name,
    { hive, clock: systemClock, opened },
    signal,
  );
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
    ...{ topic, table: `${table.database}.${table.name}`, records, deadLetters },
    ends: new Map([...bounds].map(([partition, { highWatermark }]) => [partition, highWatermark])),
    rows: await readTable(hive, settings, signal),
    chains: await Promise.all(
      [...bounds.keys()].map((partition) => readChain(ledger, { topic, partition }, signal)),
    ),
    leftovers: await readLeftovers(hive, settings, signal),
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

/** Without aggregation: HiveServer2 hands the files out as they are, in the order of their lines, and starts no job. */
async function readTable(
  hive: HiveClient,
  { params: { table } }: Settings,
  signal: AbortSignal,
): Promise<TableRow[]> {
  const sql = `SELECT INPUT__FILE__NAME AS f, kafka_partition AS p, kafka_offset AS o, id, text FROM ${quoteName(table.database)}.${quoteName(table.name)}`;
  const rows = await hive.query(sql, signal);
  const textOrNull = (cell: unknown) => (cell === null ? null : String(cell));
  return rows.map((row) => ({
    file: String(row['f']),
    partition: Number(row['p']),
    offset: BigInt(String(row['o'])),
    id: textOrNull(row['id'] ?? null),
    text: textOrNull(row['text'] ?? null),
  }));
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

async function readLeftovers(
  hive: HiveClient,
  { params: { table, consumer }, config }: Settings,
  signal: AbortSignal,
): Promise<string[]> {
  if (consumer.sink === 'hive-insert') {
    const staging = `${quoteName(table.database)}.${quoteName(`${table.name}_staging`)}`;
    const rows = await hive.query(`SHOW PARTITIONS ${staging}`, signal);
    return rows.map((row) => String(Object.values(row)[0]));
  }
  const { files, path } = openLocation(table.location ?? '', config.hdfs);
  const found: string[] = [];
  const walk = async (directory: string): Promise<void> => {
    for (const { name, type } of (await files.list(`${path}/${directory}`, signal)) ?? []) {
      // A start that died while probing stages nothing; what it left is swept by its age.
      if (name === '_probe') continue;
      if (type === 'directory') await walk(`${directory}/${name}`);
      else found.push(`${directory}/${name}`);
    }
  };
  await walk('_staging');
  files.close();
  // The probe of a start that was killed is swept by a later one, a minute afterwards at the earliest: it says nothing of a batch.
  return found.filter((name) => !name.startsWith('_staging/_probe/'));
}
