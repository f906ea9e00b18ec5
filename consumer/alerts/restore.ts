// Where each input is read from when a process takes over: what the group committed, compared with what the log still holds.
import type { GroupOffset, PartitionOffsets } from '../../clients/kafka/admin.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import { formatRange, formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';
import { type PositionNote, parseNote } from './position-note.ts';

export interface Restored {
  /** The next record that becomes an alert. */
  readonly position: bigint;
  /** `note.oldest` is where reading begins. */
  readonly note: PositionNote;
}

/**
 * Without a committed offset from the log start. Throws POSITION_CORRUPT; POSITION_BEYOND_END; POSITION_GAP where records are
 * gone that were not read, or that count in open windows, and `onGap` is `stop`. Else they are passed over, with a warning.
 */
export function restore(
  of: TopicPartition,
  committed: GroupOffset | undefined,
  { logStart, highWatermark }: PartitionOffsets,
  onGap: 'stop' | 'earliest' | 'latest',
  log: Log,
): Restored {
  const position = committed?.offset ?? logStart;
  const note = parseNote(committed?.metadata ?? '', of, position);
  if (position > highWatermark) throw beyondEnd(of, position, highWatermark);
  if (note.oldest >= logStart) return { position, note };
  const gap = formatRange({ ...of, start: note.oldest, end: logStart });
  if (onGap === 'stop') throw gone(of, gap);
  log.warn('records that were not read, or count in open windows, are gone', { range: gap, onGap });
  const next = position < logStart && onGap === 'latest' ? highWatermark : logStart;
  const restored = { ...note, oldest: next };
  // Where only records of open windows are gone, no alert is.
  return next > position ? { position: next, note: restored } : { position, note: restored };
}

function beyondEnd(of: TopicPartition, position: bigint, end: bigint): PipelineError {
  const name = formatTopicPartition(of);
  return new PipelineError(
    'POSITION_BEYOND_END',
    `the group stands at offset ${position} of ${name}, which ends at ${end}`,
    {
      hint: 'The topic was deleted and created again: give alerts.group another name to read it from its beginning.',
      context: { ...of, position, end },
    },
  );
}

function gone(of: TopicPartition, gap: string): PipelineError {
  return new PipelineError(
    'POSITION_GAP',
    `${gap} was deleted before weather-alerts was done with it`,
    {
      hint: 'Their alerts and counts cannot be had any more; --on-gap earliest goes on behind the gap.',
      context: { ...of },
    },
  );
}
