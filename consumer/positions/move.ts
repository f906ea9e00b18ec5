// `positions set`: moves a topic partition forward on purpose, in the ledger, so that verify can account for it.
import { randomUUID } from 'node:crypto';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { silentLog } from '../../pipeline/log.ts';
import { formatRange, formatTopicPartition, type OffsetRange } from '../../pipeline/range.ts';
import { resume } from '../chain.ts';
import { type PositionStanding, type PositionsParts, survey } from './survey.ts';

/** What moving works on. */
export interface MoveParts extends PositionsParts {
  /** Moves the files of an entry to where readers look; idempotent. */
  readonly place: (entry: BatchRecord) => Promise<void>;
  readonly clock: Clock;
}

export interface PartitionOffset {
  readonly partition: number;
  readonly offset: bigint;
}

/** `0:1500,1:1720` as partitions and offsets. Throws USAGE. */
export function parsePartitionOffsets(text: string): PartitionOffset[] {
  const parsed = text.split(',').map((part) => {
    const match = /^(\d{1,9}):(\d{1,18})$/.exec(part.trim());
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new PipelineError('USAGE', `expected partition:offset, got '${part}'`, {
        hint: 'For example: positions set 0:1500,1:1720',
      });
    }
    return { partition: Number(match[1]), offset: BigInt(match[2]) };
  });
  if (new Set(parsed.map(({ partition }) => partition)).size === parsed.length) return parsed;
  throw new PipelineError('USAGE', `a partition is named twice in '${text}'`);
}

/**
 * Moves positions forward, in the ledger: offsets between are passed over and recorded as such. Nothing is changed
 * unless every wish can be granted. Never backwards (the rows are in the table), never behind the end of the topic;
 * forward only with `force`, as records are left out. Consumers may run: they find the entry and go on behind it.
 */
export async function setPositions(
  parts: MoveParts,
  to: readonly PartitionOffset[],
  force: boolean,
  signal: AbortSignal,
): Promise<string[]> {
  const standings = new Map((await survey(parts, signal)).map((one) => [one.partition, one]));
  for (const wish of to) checkWish(parts.topic, wish, standings.get(wish.partition), force);
  const lines: string[] = [];
  for (const { partition, offset } of to) {
    const standing = standings.get(partition);
    invariant(standing !== undefined, 'every wish was checked');
    lines.push(await moveTo(parts, standing, offset, signal));
  }
  return lines;
}

function checkWish(
  topic: string,
  { partition, offset }: PartitionOffset,
  standing: PositionStanding | undefined,
  force: boolean,
): void {
  const of = formatTopicPartition({ topic, partition });
  if (standing === undefined) {
    throw new PipelineError('USAGE', `topic ${topic} has no partition ${partition}`);
  }
  const { position, logStart, highWatermark } = standing;
  const context = { topic, partition, offset, position, highWatermark };
  if (offset > highWatermark) {
    throw new PipelineError(
      'POSITION_BEYOND_END',
      `${of}: offset ${offset} lies behind the end of the topic, ${highWatermark}`,
      { context },
    );
  }
  if (position !== undefined && offset < position) {
    throw new PipelineError(
      'USAGE',
      `${of}: the table holds everything up to ${position}; going back to ${offset} would double rows`,
      {
        hint: 'To read records again, read them into another table (--table), with --from as its start.',
        context,
      },
    );
  }
  if (position === undefined && offset < logStart) {
    throw new PipelineError('POSITION_GAP', `${of}: the topic begins at ${logStart} only`, {
      context: { topic, partition, offset, logStart },
    });
  }
  const begin = position ?? logStart;
  if (offset > begin && !force) {
    throw new PipelineError(
      'POSITION_AHEAD',
      `${of}: going from ${begin} to ${offset} leaves out up to ${offset - begin} records`,
      {
        hint: 'If that is meant, repeat it with --force. The ledger records the jump and verify shows it.',
        context,
      },
    );
  }
}

async function moveTo(
  { topic, ledger, place, clock }: MoveParts,
  { partition, saved, position }: PositionStanding,
  offset: bigint,
  signal: AbortSignal,
): Promise<string> {
  const of = { topic, partition };
  const hints = position === undefined || saved === undefined ? [] : [saved];
  // Places the last entry, as must be before anything is committed behind it.
  const { position: stands } = await resume(
    ledger,
    of,
    { hints, wishedOrigin: async () => offset, place, log: silentLog },
    signal,
  );
  if (stands < offset) {
    const skip = skipEntry({ ...of, start: stands, end: offset }, clock);
    const decided = await ledger.commit(skip, signal);
    if (decided.attempt === skip.attempt) return `${formatRange(skip)} is passed over`;
  } else if (stands === offset) {
    return `${formatTopicPartition(of)} is at ${offset}`;
  }
  throw new PipelineError(
    'USAGE',
    `${formatTopicPartition(of)} was moved by a consumer meanwhile`,
    {
      hint: 'Look at `positions show` and set it again, best while no consumer runs.',
      context: of,
    },
  );
}

function skipEntry(range: OffsetRange, clock: Clock): BatchRecord {
  return {
    ...range,
    kind: 'skip',
    attempt: randomUUID(),
    files: [],
    rows: 0,
    deadLetters: 0,
    skipped: 0,
    last: undefined,
    at: clock.now(),
  };
}
