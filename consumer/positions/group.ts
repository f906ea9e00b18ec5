// The group store: the hint is the consumer group's committed offset, with the batch's start and attempt as its metadata. Nothing
// lies on a disk, so it suits fleets and containers.
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';

/** What is needed of clients/kafka/admin.ts. */
export interface GroupOffsetReader {
  groupOffsets(
    group: string,
    topic: string,
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<number, { readonly offset: bigint; readonly metadata: string }>>;
}

export interface GroupPositionsOptions {
  readonly group: string;
  readonly admin: GroupOffsetReader;
  /** Commits `end` with metadata `<start> <attempt>`. The running consumer does it: brokers refuse others while a group lives. */
  readonly commit: (range: PlacedBatch) => Promise<void>;
}

/** What lag tools show: the offset is committed after the placing only. */
export class GroupPositions implements PositionStore {
  readonly name = 'group';
  readonly #options: GroupPositionsOptions;
  readonly #known = new Map<string, PlacedBatch>();
  /** Partitions of a topic that are asked for together share one request. */
  readonly #asking = new Map<string, ReturnType<GroupOffsetReader['groupOffsets']>>();

  constructor(options: GroupPositionsOptions) {
    this.#options = options;
  }

  /** Nothing to take: the group's coordinator sees to it that a partition has one owner. */
  async open(): Promise<void> {}

  /**
   * Asked anew each time, as a partition may have been elsewhere since. An offset that somebody else committed (a lag
   * tool, a reset) carries no start and is no hint: then undefined. Throws KAFKA_*.
   */
  async last(of: TopicPartition): Promise<PlacedBatch | undefined> {
    const committed = (await this.#offsets(of.topic)).get(of.partition);
    const range = committed && parseCommitted(of, committed);
    const name = formatTopicPartition(of);
    const known = this.#known.get(name);
    if (range && (known === undefined || range.end > known.end)) this.#known.set(name, range);
    return range;
  }

  async advance({ topic, partition, start, end, attempt }: PlacedBatch): Promise<void> {
    const name = formatTopicPartition({ topic, partition });
    const known = this.#known.get(name);
    if (known !== undefined && end <= known.end) return;
    const range = { topic, partition, start, end, attempt };
    await this.#options.commit(range);
    this.#known.set(name, range);
  }

  async close(): Promise<void> {}

  async #offsets(topic: string): ReturnType<GroupOffsetReader['groupOffsets']> {
    const { admin, group } = this.#options;
    const asking = this.#asking.get(topic) ?? admin.groupOffsets(group, topic);
    this.#asking.set(topic, asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(topic);
    }
  }
}

/** The range a committed offset stands for, undefined when its metadata does not name a batch; live-group.ts adds a word to it. */
export function parseCommitted(
  { topic, partition }: TopicPartition,
  { offset, metadata }: { readonly offset: bigint; readonly metadata: string },
): PlacedBatch | undefined {
  const [, start, attempt] = /^(\d{1,19}) (\S+)(?: \S+)?$/.exec(metadata) ?? [];
  if (start === undefined || attempt === undefined || BigInt(start) >= offset) return undefined;
  return { topic, partition, start: BigInt(start), end: offset, attempt };
}
