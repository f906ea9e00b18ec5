// The group store: the hint is the consumer group's committed offset, with the batch's start and attempt as its metadata. Nothing
// lies on a disk, so it suits fleets and containers.
import { invariant } from '../../pipeline/errors.ts';
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';
import type { TopicPartition } from '../../pipeline/range.ts';

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
  readonly topic: string;
  readonly admin: GroupOffsetReader;
  /** Commits `end` with metadata `<start> <attempt>`. The running consumer does it: brokers refuse others while a group lives. */
  readonly commit: (range: PlacedBatch) => Promise<void>;
}

/** What lag tools show: the offset is committed after the placing only. One topic per store. */
export class GroupPositions implements PositionStore {
  readonly name = 'group';
  readonly #options: GroupPositionsOptions;
  readonly #known = new Map<number, PlacedBatch>();
  /** Partitions that are asked for together share one request. */
  #asking: ReturnType<GroupOffsetReader['groupOffsets']> | undefined;

  constructor(options: GroupPositionsOptions) {
    this.#options = options;
  }

  /** Nothing to take: the group's coordinator sees to it that a partition has one owner. */
  async open(): Promise<void> {}

  /**
   * Asked anew each time, as a partition may have been elsewhere since. An offset that somebody else committed (a lag
   * tool, a reset) carries no start and is no hint: then undefined. Throws KAFKA_*.
   */
  async last({ topic, partition }: TopicPartition): Promise<PlacedBatch | undefined> {
    this.#checkTopic(topic);
    const committed = (await this.#offsets()).get(partition);
    const range = committed && parseCommitted({ topic, partition }, committed);
    const known = this.#known.get(partition);
    if (range && (known === undefined || range.end > known.end)) this.#known.set(partition, range);
    return range;
  }

  async advance({ topic, partition, start, end, attempt }: PlacedBatch): Promise<void> {
    this.#checkTopic(topic);
    const known = this.#known.get(partition);
    if (known !== undefined && end <= known.end) return;
    const range = { topic, partition, start, end, attempt };
    await this.#options.commit(range);
    this.#known.set(partition, range);
  }

  async close(): Promise<void> {}

  async #offsets(): ReturnType<GroupOffsetReader['groupOffsets']> {
    const { admin, group, topic } = this.#options;
    this.#asking ??= admin.groupOffsets(group, topic);
    try {
      return await this.#asking;
    } finally {
      this.#asking = undefined;
    }
  }

  #checkTopic(topic: string): void {
    invariant(topic === this.#options.topic, `${topic} is not the topic of this position store`);
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
