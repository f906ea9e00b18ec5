// What `--from` means for one topic partition. Pure but for the look-up of an offset by time.
import { PipelineError } from '../pipeline/errors.ts';
import type { TopicPartition } from '../pipeline/range.ts';

/** The oldest offset kept, and the end readers may see. */
export interface Bounds {
  readonly logStart: bigint;
  readonly highWatermark: bigint;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * The offset `from` asks for: `stored` and `beginning` are the oldest kept, `end` the end, a number or
 * `partition:offset,...` offsets (a partition not named starts at the beginning), an ISO time or `-2h` the first record at
 * or after that time. Throws CONFIG_INVALID for a text that is none of these.
 */
export async function startOffset(
  from: string,
  of: TopicPartition,
  bounds: Bounds,
  offsetAt: (timestampMs: number) => Promise<bigint>,
  nowMs: number,
): Promise<bigint> {
  if (from === 'stored' || from === 'beginning') return bounds.logStart;
  if (from === 'end') return bounds.highWatermark;
  if (/^\d+$/.test(from)) return BigInt(from);
  if (/^\d+:\d+(,\d+:\d+)*$/.test(from)) {
    const pair = from.split(',').find((one) => one.startsWith(`${of.partition}:`));
    return pair === undefined ? bounds.logStart : BigInt(pair.slice(pair.indexOf(':') + 1));
  }
  return offsetAt(timeOf(from, nowMs));
}

function timeOf(from: string, nowMs: number): number {
  const [, count, unit] = /^-(\d+)([smhd])$/.exec(from) ?? [];
  if (count !== undefined && unit !== undefined)
    return nowMs - Number(count) * (UNIT_MS[unit] ?? 0);
  const ms = Date.parse(from);
  if (!Number.isNaN(ms)) return ms;
  throw new PipelineError('CONFIG_INVALID', `consumer.from: "${from}" is no point to start from`, {
    hint: 'Write stored, beginning, end, an offset, partition:offset,..., an ISO time such as 2026-11-21T20:00:00Z, or -2h.',
  });
}
