// Whether a live consumer is the first of its group, topic partition by topic partition. Several that start at the same moment
// all find the group empty; the one that begins a topic partition signs the group's offset, and the others go on from there.
import { randomUUID } from 'node:crypto';
import type { KafkaAdmin } from '../clients/kafka/admin.ts';
import type { PlacedBatch } from '../pipeline/position-store.ts';
import type { TopicPartition } from '../pipeline/range.ts';

export interface LiveGroupParts {
  readonly admin: Pick<KafkaAdmin, 'groupOffsets' | 'groupState'>;
  readonly group: string;
  readonly topics: readonly string[];
}

type GroupOffsets = Awaited<ReturnType<KafkaAdmin['groupOffsets']>>;

export class LiveGroup {
  readonly #parts: LiveGroupParts;
  /** What was committed, by topic, before the group was found empty; undefined when it was not. */
  readonly #before: ReadonlyMap<string, GroupOffsets> | undefined;
  readonly #me = randomUUID();

  private constructor(
    parts: LiveGroupParts,
    before: ReadonlyMap<string, GroupOffsets> | undefined,
  ) {
    this.#parts = parts;
    this.#before = before;
  }

  /** Looks at the group before joining it. Ask for the ends of the topics first: what comes after this is passed over by nobody. */
  static async look(parts: LiveGroupParts, signal: AbortSignal): Promise<LiveGroup> {
    const { admin, group, topics } = parts;
    const before = new Map<string, GroupOffsets>();
    for (const topic of topics) before.set(topic, await admin.groupOffsets(group, topic, signal));
    const { members } = await admin.groupState(group, signal);
    return new LiveGroup(parts, members === 0 ? before : undefined);
  }

  /** True if this process found the group empty and nobody has begun `of` since. */
  async isFirst({ topic, partition }: TopicPartition, signal: AbortSignal): Promise<boolean> {
    if (this.#before === undefined) return false;
    const { admin, group } = this.#parts;
    const now = (await admin.groupOffsets(group, topic, signal)).get(partition);
    const before = this.#before.get(topic)?.get(partition);
    return now?.offset === before?.offset && now?.metadata === before?.metadata;
  }

  /** What to commit to say that `of` is read from `position` on; `last` is the batch that ends there, which stays a hint. */
  signature(of: TopicPartition, position: bigint, last: PlacedBatch | undefined): PlacedBatch {
    const { topic, partition } = of;
    const { start, attempt } = last ?? { start: position, attempt: '-' };
    return { topic, partition, start, end: position, attempt: `${attempt} ${this.#me}` };
  }
}
