// A ledger in memory: the contract's compare-and-set and nothing else. For tests of what stands above a ledger.
import type { BatchRecord, EntryKind, Ledger, RollUp } from '../../pipeline/ledger.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';

export class MemoryLedger implements Ledger {
  readonly entries = new Map<string, BatchRecord>();
  readonly origins = new Map<string, bigint>();
  /** The newest of each topic partition. */
  readonly rollUps = new Map<string, RollUp>();
  readonly of = new Map<string, TopicPartition>();
  /** Starts that were asked for, in order. */
  readonly reads: bigint[] = [];

  async origin(of: TopicPartition, wished: bigint): Promise<bigint> {
    const name = formatTopicPartition(of);
    const stands = this.origins.get(name) ?? wished;
    this.origins.set(name, stands);
    this.of.set(name, { topic: of.topic, partition: of.partition });
    return stands;
  }

  async readOrigin(of: TopicPartition): Promise<bigint | undefined> {
    return this.origins.get(formatTopicPartition(of));
  }

  async commit(record: BatchRecord): Promise<BatchRecord> {
    const name = `${formatTopicPartition(record)}@${record.start}`;
    const stands = this.entries.get(name) ?? record;
    this.entries.set(name, stands);
    return stands;
  }

  async read(of: TopicPartition, start: bigint): Promise<BatchRecord | undefined> {
    this.reads.push(start);
    return this.entries.get(`${formatTopicPartition(of)}@${start}`);
  }

  async rolledUp(of: TopicPartition): Promise<RollUp | undefined> {
    return this.rollUps.get(formatTopicPartition(of));
  }

  async rollUp(record: RollUp): Promise<boolean> {
    const name = formatTopicPartition(record);
    if (record.number !== (this.rollUps.get(name)?.number ?? 0) + 1) return false;
    this.rollUps.set(name, record);
    return true;
  }

  async forget(of: TopicPartition, starts: readonly bigint[]): Promise<void> {
    for (const start of starts) this.entries.delete(`${formatTopicPartition(of)}@${start}`);
  }

  async partitions(): Promise<TopicPartition[]> {
    return [...this.of.values()];
  }
}

/** An entry of `rows` rows that covers `[start, end)`. */
export function entryOf(
  of: TopicPartition,
  start: number,
  end: number,
  more: Partial<BatchRecord> & { readonly kind?: EntryKind } = {},
): BatchRecord {
  const { topic, partition } = of;
  return {
    topic,
    partition,
    start: BigInt(start),
    end: BigInt(end),
    kind: 'batch',
    attempt: `${start}-${end}`,
    files: [],
    rows: more.kind === undefined || more.kind === 'batch' ? end - start : 0,
    deadLetters: 0,
    skipped: 0,
    last: undefined,
    at: 0,
    ...more,
  };
}

/** A ledger whose chain from `bounds[0]` on has an entry between each two neighbours. */
export async function chainOf(
  of: TopicPartition,
  bounds: readonly number[],
): Promise<MemoryLedger> {
  const ledger = new MemoryLedger();
  await ledger.origin(of, BigInt(bounds[0] ?? 0));
  for (const [index, start] of bounds.slice(0, -1).entries()) {
    await ledger.commit(entryOf(of, start, bounds[index + 1] ?? start));
  }
  return ledger;
}
