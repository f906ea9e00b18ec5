// What the table partitions of the sink hive-insert's staging table are called: by the start, the attempt and the day.
import type { PartitionSpec } from '../../clients/hive/describe.ts';
import { invariant } from '../../pipeline/errors.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { DAY_COLUMN } from '../../pipeline/table.ts';

export type Start = Pick<BatchRecord, 'topic' | 'partition' | 'start'>;

/** All attempts at one start. The names are long so as not to meet a column of the user's table. */
export const stagedAt = (of: Start): PartitionSpec => ({
  staged_topic: of.topic,
  staged_partition: of.partition,
  staged_start: of.start.toString(),
});

/** One attempt's rows of one day; of undefined, the rows say their day themselves. */
export const stagedIn = (
  of: Start & { attempt: string },
  day: string | undefined,
): PartitionSpec => ({
  ...stagedAt(of),
  staged_attempt: of.attempt,
  [DAY_COLUMN]: day,
});

export const pathOf = (spec: PartitionSpec) =>
  Object.entries(spec)
    .map(([name, value]) => `${name}=${value}`)
    .join('/');

/** The start that a staging table partition belongs to, read from its name. */
export function startOf(name: string): Start {
  const found = /^staged_topic=(.+)\/staged_partition=(\d+)\/staged_start=(\d+)\//.exec(name);
  invariant(found !== null, `a partition of the staging table is called ${name}`);
  const [, topic = '', partition, start = ''] = found;
  return { topic, partition: Number(partition), start: BigInt(start) };
}
