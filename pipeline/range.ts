// Offsets and half-open offset ranges of a topic partition, and how a range lies to a position.

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Half-open. `start` is where the consumer stood, not the first record: offsets may have holes. */
export interface OffsetRange extends TopicPartition {
  readonly start: bigint;
  readonly end: bigint;
}

export type Relation = 'next' | 'replayed' | 'overlapping' | 'gap';

/**
 * How `range` lies to `position` (the next offset to be read): `next` starts right there, `replayed` ends at
 * or before it, `overlapping` begins before and ends after it, `gap` begins behind it.
 */
export function relate(position: bigint, range: Pick<OffsetRange, 'start' | 'end'>): Relation {
  if (range.start === position) return 'next';
  if (range.start > position) return 'gap';
  return range.end <= position ? 'replayed' : 'overlapping';
}

/** `topic-partition`, the form used in messages, logs and map keys. */
export function formatTopicPartition(of: TopicPartition): string {
  return `${of.topic}-${of.partition}`;
}

/** `topic-partition [start, end)`. */
export function formatRange(range: OffsetRange): string {
  return `${formatTopicPartition(range)} [${range.start}, ${range.end})`;
}
