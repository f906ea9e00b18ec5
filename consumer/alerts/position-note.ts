// What stands beside the committed offset of an input: how far its event time has come, which windows were sent, and where
// the records of those begin that were not.
import { PipelineError } from '../../pipeline/errors.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';

export interface PositionNote {
  /** No event time before it is waited for, in milliseconds since 1970; -Infinity: nothing was read yet. */
  readonly watermark: number;
  /** Windows that end there or before were sent; -Infinity: none was. */
  readonly closed: number;
  /** The first record that counts in a window that was not sent; the committed offset where there is none. */
  readonly oldest: bigint;
}

export function formatNote({ watermark, closed, oldest }: PositionNote): string {
  // JSON has no infinity: it becomes null.
  return JSON.stringify({ watermark, closed, oldest: `${oldest}` });
}

/**
 * Without text (a person has set the offset) everything begins at `offset`. Throws POSITION_CORRUPT for a text that is not ours.
 */
export function parseNote(text: string, of: TopicPartition, offset: bigint): PositionNote {
  if (text === '') {
    return {
      watermark: Number.NEGATIVE_INFINITY,
      closed: Number.NEGATIVE_INFINITY,
      oldest: offset,
    };
  }
  try {
    const { watermark, closed, oldest } = JSON.parse(text);
    return { watermark: timeOf(watermark), closed: timeOf(closed), oldest: BigInt(oldest) };
  } catch (error) {
    throw new PipelineError(
      'POSITION_CORRUPT',
      `what the group has noted beside offset ${offset} of ${formatTopicPartition(of)} is not of weather-alerts`,
      {
        hint: 'Give alerts.group a name that no other program uses.',
        context: { ...of, offset },
        cause: error,
      },
    );
  }
}

function timeOf(value: unknown): number {
  if (value === null) return Number.NEGATIVE_INFINITY;
  if (Number.isSafeInteger(value)) return Number(value);
  throw new TypeError('no time');
}
