// What `--from` means for one topic partition. Pure but for the look-up of an offset by time.
import type { StartPoint } from '../params/start-point.ts';
import type { TopicPartition } from '../pipeline/range.ts';

/** The oldest offset kept, and the end readers may see. */
export interface Bounds {
  readonly logStart: bigint;
  readonly highWatermark: bigint;
}

/** When and where the process began: `end` and spans are taken from there, however late a partition comes to it. */
export interface ProcessStart {
  readonly nowMs: number;
  /** The end of the topic partition by then. */
  readonly end: bigint;
}

/**
 * The offset that `point` asks for: `stored` and `beginning` are the oldest kept, a time the first record at or after it,
 * which is the end where there is none (`offsetAt` answers so). May lie before the oldest kept or behind the end when it is
 * an offset.
 */
export async function startOffset(
  point: StartPoint,
  { partition }: TopicPartition,
  { logStart }: Bounds,
  started: ProcessStart,
  offsetAt: (timestampMs: number) => Promise<bigint>,
): Promise<bigint> {
  switch (point.kind) {
    case 'stored':
    case 'beginning':
      return logStart;
    case 'end':
      return started.end;
    case 'offset':
      return point.offset;
    case 'offsets':
      return point.offsets.get(partition) ?? logStart;
    case 'time':
      // Below 0 Kafka takes a time for something else.
      return offsetAt(Math.max(0, point.ms));
    case 'ago':
      return offsetAt(Math.max(0, started.nowMs - point.ms));
  }
}
