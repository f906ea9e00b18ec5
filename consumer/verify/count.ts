// `verify --read-topic`: reads topic and dead-letter topic and compares their records with the ledger, entry by entry.
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { recordsRead } from '../../pipeline/ledger.ts';
import type { OffsetRange } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { DEAD_LETTER_HEADERS } from '../dead-letters.ts';
import type { TopicCount } from './facts.ts';

interface Counted {
  readonly range: OffsetRange;
  readonly read: number;
  held: number;
}

type Bounds = ReadonlyMap<number, { readonly logStart: bigint; readonly highWatermark: bigint }>;

/** The entries of one topic's ledger, and what topic and dead-letter topic turn out to hold of them. */
export class TopicCounts {
  readonly #topic: string;
  readonly #bounds: Bounds;
  readonly #partitions = new Map<number, PartitionCount>();

  constructor(topic: string, bounds: Bounds) {
    this.#topic = topic;
    this.#bounds = bounds;
  }

  /**
   * Takes the entries of a partition in order. One that the topic does not hold whole (any more, or not yet when its bounds were
   * asked for) is left out: what lies behind the end of the topic would be waited for without end.
   */
  expect(entry: BatchRecord): void {
    const bounds = this.#bounds.get(entry.partition);
    if (entry.kind !== 'batch' || bounds === undefined) return;
    const partition = this.#partitions.get(entry.partition) ?? new PartitionCount();
    this.#partitions.set(entry.partition, partition);
    partition.expect(entry, entry.start >= bounds.logStart && entry.end <= bounds.highWatermark);
  }

  /** What to read of the topic, one range per partition. */
  get ranges(): OffsetRange[] {
    return [...this.#partitions].map(([partition, { bounds }]) => ({
      topic: this.#topic,
      partition,
      ...bounds,
    }));
  }

  /** Takes the records of a partition in order of their offset. */
  add(partition: number, offset: bigint): void {
    this.#partitions.get(partition)?.add(offset);
  }

  /** Takes the records of the dead-letter topic; one that was sent twice counts once. */
  addDeadLetter(record: PipelineRecord, table: string): void {
    const origin = originOf(record, this.#topic, table);
    if (origin) this.#partitions.get(origin.partition)?.deadLetters.add(origin.offset);
  }

  result(partition: number, deadLettersExpired: boolean): TopicCount | undefined {
    return this.#partitions.get(partition)?.result(deadLettersExpired);
  }
}

class PartitionCount {
  readonly deadLetters = new Set<bigint>();
  readonly #entries: Counted[] = [];
  #at = 0;

  expect(entry: BatchRecord, isHeld: boolean): void {
    // Told once more when the chain was walked again, because a roll-up was written meanwhile.
    const isKnown = entry.start < this.bounds.end;
    if (!isHeld || isKnown) return;
    this.#entries.push({ range: rangeOf(entry), read: recordsRead(entry), held: 0 });
  }

  get bounds(): { start: bigint; end: bigint } {
    const start = this.#entries[0]?.range.start ?? 0n;
    return { start, end: this.#entries.at(-1)?.range.end ?? start };
  }

  add(offset: bigint): void {
    while (offset >= (this.#entries[this.#at]?.range.end ?? offset + 1n)) this.#at += 1;
    const entry = this.#entries[this.#at];
    if (entry && offset >= entry.range.start) entry.held += 1;
  }

  result(deadLettersExpired: boolean): TopicCount {
    const sum = (of: 'held' | 'read') => this.#entries.reduce((all, entry) => all + entry[of], 0);
    return {
      from: this.bounds.start,
      held: sum('held'),
      read: sum('read'),
      firstShort: this.#entries.find(({ held, read }) => held > read)?.range,
      deadLetters: this.deadLetters.size,
      deadLettersExpired,
    };
  }
}

/** Where a dead letter came from; undefined for a record that is none of ours, or of another topic or table. */
function originOf(
  { headers }: PipelineRecord,
  topic: string,
  table: string,
): { readonly partition: number; readonly offset: bigint } | undefined {
  const read = (name: string) => headers?.[name]?.[0]?.toString('utf8');
  if (read(DEAD_LETTER_HEADERS.topic) !== topic) return undefined;
  if (read(DEAD_LETTER_HEADERS.table) !== table) return undefined;
  const [partition, offset] = [
    read(DEAD_LETTER_HEADERS.partition),
    read(DEAD_LETTER_HEADERS.offset),
  ];
  if (!/^\d{1,10}$/.test(partition ?? '') || !/^\d{1,19}$/.test(offset ?? '')) return undefined;
  return { partition: Number(partition), offset: BigInt(offset ?? '') };
}

/** Without the entry's files, which are many and not needed here. */
function rangeOf({ topic, partition, start, end }: OffsetRange): OffsetRange {
  return { topic, partition, start, end };
}
