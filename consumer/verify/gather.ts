// Collects what verify compares: the ledger by walking its chains, the table by one SQL statement, the topic's bounds.
// A consumer may be running meanwhile: the table is asked for what the ledger had decided before.
import { quoteName, quoteString } from '../../clients/hive/quoting.ts';
import type { Cell, Row } from '../../clients/hive/rows.ts';
import type { BatchRecord, Ledger, RollUp } from '../../pipeline/ledger.ts';
import type { OffsetRange, TopicPartition } from '../../pipeline/range.ts';
import { walkChain } from '../chain.ts';
import type { LedgerFacts, PartitionFacts, TableFacts } from './facts.ts';

export interface VerifySources {
  readonly ledger: Ledger;
  readonly topic: string;
  readonly database: string;
  readonly table: string;
  readonly query: (sql: string, signal: AbortSignal) => Promise<Row[]>;
  /** Told every entry of the topic's chains, in order within a partition. */
  readonly onEntry?: (entry: BatchRecord) => void;
  readonly bounds: ReadonlyMap<
    number,
    { readonly logStart: bigint; readonly highWatermark: bigint }
  >;
}

const NO_ROWS: TableFacts = { rows: 0, distinct: 0, highest: undefined, outside: 0 };

/** The facts of every partition that topic, ledger or table know. Throws what ledger and table throw. */
export async function gather(
  sources: VerifySources,
  signal: AbortSignal,
): Promise<PartitionFacts[]> {
  const { ledger, topic, bounds } = sources;
  const known = await ledger.partitions(signal);
  const partitions = new Set(bounds.keys());
  for (const of of known) if (of.topic === topic) partitions.add(of.partition);
  const chains = new Map<number, LedgerFacts>();
  for (const partition of partitions) {
    const facts = await gatherLedger(ledger, { topic, partition }, signal, sources.onEntry);
    if (facts) chains.set(partition, facts);
  }
  const table = await gatherTable(sources, chains, signal);
  for (const partition of table.keys()) partitions.add(partition);
  return [...partitions].map((partition) => ({
    topic,
    partition,
    topicHolds: bounds.get(partition),
    ledger: chains.get(partition),
    table: table.get(partition) ?? NO_ROWS,
    count: undefined,
  }));
}

/** What the ledger says of one topic partition; undefined when it has no origin. */
export async function gatherLedger(
  ledger: Ledger,
  of: TopicPartition,
  signal: AbortSignal,
  each: (entry: BatchRecord) => void = () => {},
): Promise<LedgerFacts | undefined> {
  const origin = await ledger.readOrigin(of, signal);
  if (origin === undefined) return undefined;
  let rolled = await ledger.rolledUp(of, signal);
  for (;;) {
    const facts = await sumUp(ledger, of, origin, rolled, signal, each);
    const now = await ledger.rolledUp(of, signal);
    // A roll-up that was written meanwhile may have taken entries away from under us: it says what they came to.
    if (now === undefined || now.end <= facts.end) return facts;
    rolled = now;
  }
}

/** The sums of `rolled` and of the entries behind it. */
async function sumUp(
  ledger: Ledger,
  of: TopicPartition,
  origin: bigint,
  rolled: RollUp | undefined,
  signal: AbortSignal,
  each: (entry: BatchRecord) => void,
): Promise<LedgerFacts> {
  const sums = {
    end: rolled?.end ?? origin,
    entries: rolled?.entries ?? 0,
    rows: rolled?.rows ?? 0,
    deadLetters: rolled?.deadLetters ?? 0,
    skipped: rolled?.skipped ?? 0,
  };
  const ranges = {
    batch: rolled ? [{ ...of, start: origin, end: rolled.end }] : ([] as OffsetRange[]),
    lost: [] as OffsetRange[],
    skip: [] as OffsetRange[],
  };
  let last: LedgerFacts['last'];
  for await (const entry of walkChain(ledger, of, sums.end, signal)) {
    const { start, end, kind, rows } = entry;
    sums.end = end;
    sums.entries += 1;
    sums.rows += rows;
    sums.deadLetters += entry.deadLetters;
    sums.skipped += entry.skipped;
    join(ranges[kind], { ...of, start, end });
    last = { ...of, start, end, rows };
    each(entry);
  }
  const { batch: runs, lost, skip: passedOver } = ranges;
  return { origin, ...sums, rolled, runs, lost, passedOver, last };
}

function join(ranges: OffsetRange[], next: OffsetRange): void {
  const before = ranges.at(-1);
  if (before?.end === next.start) ranges[ranges.length - 1] = { ...before, end: next.end };
  else ranges.push(next);
}

async function gatherTable(
  sources: VerifySources,
  chains: ReadonlyMap<number, LedgerFacts>,
  signal: AbortSignal,
): Promise<Map<number, TableFacts>> {
  const found = new Map<number, TableFacts>();
  for (const row of await sources.query(tableQuery(sources, chains), signal)) {
    const partition = Number(row['p']);
    const facts = found.get(partition) ?? NO_ROWS;
    const rows = Number(row['n']);
    if (Number(row['inside']) === 1) {
      const highest = offset(row['highest'] ?? null);
      found.set(partition, { ...facts, rows, distinct: Number(row['d']), highest });
    } else {
      const lowest = offset(row['lowest'] ?? null);
      const isNew = await isBeingWritten(sources, partition, chains.get(partition), lowest, signal);
      found.set(partition, isNew ? facts : { ...facts, outside: rows });
    }
  }
  return found;
}

/** Rows behind the chain we walked, when the chain has grown since: a consumer is at work. */
async function isBeingWritten(
  { ledger, topic }: VerifySources,
  partition: number,
  chain: LedgerFacts | undefined,
  lowest: bigint,
  signal: AbortSignal,
): Promise<boolean> {
  const from = chain?.end ?? (await ledger.readOrigin({ topic, partition }, signal));
  if (from === undefined || lowest < from) return false;
  return (await ledger.read({ topic, partition }, from, signal)) !== undefined;
}

/** One row per partition, and one more for rows at offsets outside of what the ledger counts as read. */
export function tableQuery(
  { database, table, topic }: Pick<VerifySources, 'database' | 'table' | 'topic'>,
  chains: ReadonlyMap<number, LedgerFacts>,
): string {
  const inside = [...chains]
    .filter(([, { runs }]) => runs.length > 0)
    .map(([partition, { runs }]) => {
      const within = runs.map(
        ({ start, end }) => `(kafka_offset >= ${start}L AND kafka_offset < ${end}L)`,
      );
      return `(kafka_partition = ${partition} AND (${within.join(' OR ')}))`;
    });
  return [
    'SELECT p, inside, COUNT(*) AS n, COUNT(DISTINCT o) AS d, MIN(o) AS lowest, MAX(o) AS highest',
    'FROM (SELECT kafka_partition AS p, kafka_offset AS o,',
    `CASE WHEN ${inside.join(' OR ') || 'FALSE'} THEN 1 ELSE 0 END AS inside`,
    `FROM ${quoteName(database)}.${quoteName(table)} WHERE kafka_topic = ${quoteString(topic)}) r`,
    'GROUP BY p, inside',
  ].join(' ');
}

function offset(cell: Cell): bigint {
  return typeof cell === 'bigint' ? cell : BigInt(String(cell));
}
