// Compares the facts of each topic partition. Pure: facts in, numbers and sentences out.
import { formatRange, formatTopicPartition, type OffsetRange } from '../../pipeline/range.ts';
import { type LedgerFacts, lengthOf, type PartitionFacts } from './facts.ts';

/** Records, except where it says offsets. `read = written + deadLetters + skipped` holds when nothing is wrong. */
export interface Accounting {
  /** Offsets between the first position and the present one, without those lost or passed over. */
  readonly offsets: bigint;
  readonly read: number;
  /** Distinct rows that the table has. */
  readonly written: number;
  readonly deadLetters: number;
  readonly skipped: number;
  /** Offsets. */
  readonly lost: bigint;
  /** Offsets. */
  readonly passedOver: bigint;
  readonly missing: number;
  readonly doubled: number;
  /** Offsets between the position and the end of the topic. */
  readonly lag: bigint;
}

export interface PartitionReport extends Accounting {
  readonly partition: number;
  /** Undefined when nobody has begun to read it. */
  readonly origin: bigint | undefined;
  readonly position: bigint | undefined;
  readonly entries: number;
  /** Sentences: what does not agree, and what is worth knowing. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

export interface VerifyReport {
  readonly topic: string;
  readonly table: string;
  readonly balanced: boolean;
  readonly total: Accounting;
  readonly partitions: readonly PartitionReport[];
}

const NOTHING: Accounting = {
  offsets: 0n,
  read: 0,
  written: 0,
  deadLetters: 0,
  skipped: 0,
  lost: 0n,
  passedOver: 0n,
  missing: 0,
  doubled: 0,
  lag: 0n,
};

export function judge(
  topic: string,
  table: string,
  facts: readonly PartitionFacts[],
): VerifyReport {
  const partitions = facts.map(judgePartition).sort((a, b) => a.partition - b.partition);
  const balanced = partitions.every(({ problems }) => problems.length === 0);
  return { topic, table, balanced, total: partitions.reduce(add, NOTHING), partitions };
}

export function judgePartition(facts: PartitionFacts): PartitionReport {
  const { partition, ledger, topicHolds, table } = facts;
  const begin = ledger?.end ?? topicHolds?.logStart ?? 0n;
  const lag =
    topicHolds && topicHolds.highWatermark > begin ? topicHolds.highWatermark - begin : 0n;
  const findings = { problems: [] as string[], notes: [] as string[] };
  const base = { partition, lag, ...findings };
  if (ledger === undefined) {
    if (table.outside > 0) findings.problems.push(`${named(facts)}: ${outside(table.outside)}`);
    findings.notes.push(`${named(facts)}: nothing was read yet`);
    return { ...NOTHING, ...base, origin: undefined, position: undefined, entries: 0 };
  }
  const lost = lengthOf(ledger.lost) + (ledger.rolled?.lost ?? 0n);
  const passedOver = lengthOf(ledger.passedOver) + (ledger.rolled?.passedOver ?? 0n);
  const accounting = {
    offsets: ledger.end - ledger.origin - lost - passedOver,
    read: ledger.rows + ledger.deadLetters + ledger.skipped,
    written: table.distinct,
    deadLetters: ledger.deadLetters,
    skipped: ledger.skipped,
    lost,
    passedOver,
    missing: Math.max(0, ledger.rows - table.distinct),
    doubled: table.rows - table.distinct,
  };
  findings.problems.push(...tableProblems(facts, ledger), ...topicProblems(facts, ledger));
  findings.notes.push(...notes(facts, ledger, accounting.offsets - BigInt(accounting.read)));
  const { origin, end: position, entries } = ledger;
  return { ...accounting, ...base, origin, position, entries };
}

function tableProblems(facts: PartitionFacts, ledger: LedgerFacts): string[] {
  const { table } = facts;
  const problems: string[] = [];
  const missing = ledger.rows - table.distinct;
  if (missing > 0) problems.push(`${named(facts)}: ${missingRows(missing, facts, ledger)}`);
  if (missing < 0) {
    problems.push(
      `${named(facts)}: the table has ${-missing} rows more than the ledger accounts for`,
    );
  }
  const doubled = table.rows - table.distinct;
  if (doubled > 0)
    problems.push(`${named(facts)}: ${doubled} rows are in the table more than once`);
  if (table.outside > 0) problems.push(`${named(facts)}: ${outside(table.outside)}`);
  return problems;
}

/** A batch that is committed and not placed is whole in the ledger and wholly absent from the table. */
function missingRows(missing: number, { table }: PartitionFacts, { last }: LedgerFacts): string {
  const isLastBatch =
    last?.rows === missing && (table.highest === undefined || table.highest < last.start);
  return isLastBatch
    ? `the last batch, ${formatRange(last)} with ${missing} rows, is committed and not placed yet; a consumer places it at its next start`
    : `${missing} rows of the ledger are not in the table`;
}

function topicProblems(facts: PartitionFacts, ledger: LedgerFacts): string[] {
  const { topicHolds, count } = facts;
  const problems: string[] = [];
  if (topicHolds && ledger.end > topicHolds.highWatermark) {
    problems.push(
      `${named(facts)}: the ledger reaches to ${ledger.end}, the topic only to ${topicHolds.highWatermark}; was it deleted and created again?`,
    );
  } else if (topicHolds && topicHolds.logStart > ledger.end) {
    const gone = { ...facts, start: ledger.end, end: topicHolds.logStart };
    problems.push(`${formatRange(gone)}: deleted from the topic before it was read`);
  }
  if (count?.firstShort) {
    problems.push(
      `${formatRange(count.firstShort)}: the topic holds more records than were read (${count.held} and ${count.read} from offset ${count.from} on)`,
    );
  }
  if (count && count.deadLetters < ledger.deadLetters && !count.deadLettersExpired) {
    problems.push(
      `${named(facts)}: ${ledger.deadLetters - count.deadLetters} of ${ledger.deadLetters} dead letters are not in the dead-letter topic`,
    );
  }
  return problems;
}

function notes(facts: PartitionFacts, ledger: LedgerFacts, holes: bigint): string[] {
  const { topicHolds, count } = facts;
  const found: string[] = [];
  if (topicHolds === undefined) found.push(`${named(facts)}: not in the topic any more`);
  if (holes > 0n) {
    found.push(
      `${named(facts)}: ${holes} offsets hold no record (transactions, compaction)${count ? '' : '; --read-topic counts the records themselves'}`,
    );
  }
  if (count && count.held < count.read) {
    found.push(
      `${named(facts)}: the topic holds ${count.read - count.held} records less than were read from offset ${count.from} on (compaction or retention)`,
    );
  }
  if (count?.deadLettersExpired && count.deadLetters < ledger.deadLetters) {
    found.push(`${named(facts)}: the dead-letter topic does not hold all dead letters any more`);
  }
  if (ledger.rolled) {
    const { end, lost, passedOver } = ledger.rolled;
    const ranges = lost + passedOver > 0n ? ` (${lost} lost, ${passedOver} passed over)` : '';
    found.push(`${named(facts)}: offsets before ${end} are rolled up and counted whole${ranges}`);
  }
  if (ledger.lost.length > 0) found.push(`${listed(ledger.lost)}: lost to retention`);
  if (ledger.passedOver.length > 0)
    found.push(`${listed(ledger.passedOver)}: passed over on purpose`);
  return found;
}

function outside(rows: number): string {
  return `${rows} rows of the table stand at offsets that the ledger does not count as read`;
}

function listed(ranges: readonly OffsetRange[]): string {
  const more = ranges.length > 3 ? ` and ${ranges.length - 3} more` : '';
  return `${ranges.slice(0, 3).map(formatRange).join(', ')}${more}`;
}

const named = formatTopicPartition;

function add(sum: Accounting, one: Accounting): Accounting {
  return {
    offsets: sum.offsets + one.offsets,
    read: sum.read + one.read,
    written: sum.written + one.written,
    deadLetters: sum.deadLetters + one.deadLetters,
    skipped: sum.skipped + one.skipped,
    lost: sum.lost + one.lost,
    passedOver: sum.passedOver + one.passedOver,
    missing: sum.missing + one.missing,
    doubled: sum.doubled + one.doubled,
    lag: sum.lag + one.lag,
  };
}
