// Which topic partition the next record goes to.
import type { Clock } from '../pipeline/clock.ts';

export type Partitioning = 'rotate' | 'key' | 'round-robin';

export interface RotationOptions {
  readonly partitioning: Partitioning;
  /** The partition numbers of the topic, at least one. */
  readonly partitions: readonly number[];
  /** `rotate`: milliseconds on one partition before the next one is taken; above 0. */
  readonly switchMs: number;
}

/** The partition of the next record; undefined leaves it to the key (murmur2, as Java's client does). */
export type ChoosePartition = () => number | undefined;

/**
 * `rotate`: the first partition for `switchMs` from now on, then the next, from the last back to the first; the
 * switch goes by time alone, so an idle source skips partitions. `round-robin`: one record each in turn.
 */
export function choosePartition(options: RotationOptions, clock: Clock): ChoosePartition {
  const { partitioning, partitions, switchMs } = options;
  if (partitioning === 'key') return () => undefined;
  const at = (turn: number) => partitions[turn % partitions.length];
  if (partitioning === 'round-robin') {
    let turn = 0;
    return () => at(turn++);
  }
  const beganAt = clock.monotonic();
  return () => at(Math.floor((clock.monotonic() - beganAt) / switchMs));
}
