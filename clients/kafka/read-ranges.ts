// Reads a stretch of a topic, through a consumer group of its own that commits nothing.
import { randomUUID } from 'node:crypto';
import type { OffsetRange } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { deferred } from '../../pipeline/retry.ts';
import type { GroupConsumer } from './consumer.ts';

/** Opens a consumer of `topic` in `group`; it is run and closed here. */
export type OpenConsumer = (
  topic: string,
  group: string,
) => Pick<GroupConsumer, 'run' | 'failed' | 'seek' | 'pause' | 'close'>;

/** Hands every record of `ranges` (one per partition, all of one topic) to `each`. Throws KAFKA_*, `signal.reason`. */
export async function readRanges(
  open: OpenConsumer,
  ranges: readonly OffsetRange[],
  each: (partition: number, record: PipelineRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Map(
    ranges.filter(({ start, end }) => start < end).map((range) => [range.partition, range]),
  );
  const topic = ranges[0]?.topic;
  if (wanted.size === 0 || topic === undefined) return;
  signal.throwIfAborted();
  const next = new Map([...wanted].map(([partition, { start }]) => [partition, start]));
  const done = deferred<void>();
  done.promise.catch(() => {});
  const onAbort = () => done.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const consumer = open(topic, `kafka-hive-read-${randomUUID()}`);

  const reached = (partition: number, offset: bigint) => {
    if (offset > (next.get(partition) ?? offset)) next.set(partition, offset);
    const isOpen = ({ partition: p, end }: OffsetRange) => (next.get(p) ?? 0n) < end;
    if (![...wanted.values()].some(isOpen)) done.resolve();
  };
  try {
    const joined = consumer.run({
      assigned(all) {
        consumer.pause(all.filter(({ partition }) => !wanted.has(partition)));
        for (const [partition, offset] of next) consumer.seek({ topic, partition }, offset);
      },
      records({ of: { partition }, records, next: nextOffset }) {
        const range = wanted.get(partition);
        const from = next.get(partition);
        if (range === undefined || from === undefined) return true;
        for (const record of records) {
          if (record.offset >= from && record.offset < range.end) each(partition, record);
        }
        reached(partition, nextOffset);
        return true;
      },
      passedOver: ({ partition }, _firstOffset, nextOffset) => reached(partition, nextOffset),
    });
    // A join may take long, and is not waited for once there is another end.
    await Promise.race([joined.then(() => done.promise), done.promise, consumer.failed]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await consumer.close();
  }
}
