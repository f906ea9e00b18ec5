// The chain of a topic partition: the ledger's entries from the origin on, each starting where the one before ended.
// Walking it gives the position to read from, whatever the position store says or has lost.
import { PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord, Ledger } from '../pipeline/ledger.ts';
import type { Log } from '../pipeline/log.ts';
import type { PlacedBatch } from '../pipeline/position-store.ts';
import type { TopicPartition } from '../pipeline/range.ts';
import { formatRange, formatTopicPartition } from '../pipeline/range.ts';

export interface Resumption {
  /** What the position store knows: the last batch that was placed. */
  readonly hint: PlacedBatch | undefined;
  /** Where to start when nobody has decided it yet; asked only then. */
  readonly wishedOrigin: () => Promise<bigint>;
  /** Moves the files of an entry to where readers look; idempotent. */
  readonly place: (entry: BatchRecord) => Promise<void>;
  readonly log: Log;
}

export interface Resumed {
  /** The next offset to be read. */
  readonly position: bigint;
  /** The decided first position of the topic partition. */
  readonly origin: bigint;
  /** Entries followed behind the hint's own, or behind the origin without a usable hint. */
  readonly walked: number;
  /** The last entry of the chain, undefined when there is none. */
  readonly last: BatchRecord | undefined;
}

/** Most reads of the ledger in flight while guessing where the next entries start. */
const READ_AHEAD = 16;

/**
 * The position to go on from: the end of the chain, found from the hint on when the ledger knows the hint's start, from
 * the origin otherwise. A hint the ledger does not know (edited by hand, of another table, restored after the table was
 * dropped) is ignored with a warning. Throws POSITION_CORRUPT when an entry contradicts the chain.
 *
 * Only the last entry is placed, because no other can be unplaced:
 *
 *     Claim: where an entry starts at s > origin, the entry that ends at s has been placed.
 *     A writer commits at s only with a position of s, and it has that position in one of two ways:
 *       - it delivered the entry that ends at s: `deliver` places what stands before it returns (also when the
 *         entry is another writer's), and a lane begins the next commit only after that;
 *       - it resumed here: the entry that ends at s was the last one then, and was placed below, before returning.
 *     So every entry that has a successor is placed, and the last one is placed here, unless it is the hint's own:
 *     a hint is saved only after its batch was placed.
 *
 * A new writer of entries (`positions set --force`) must place the last entry before it commits, as this does.
 */
export async function resume(
  ledger: Ledger,
  of: TopicPartition,
  { hint, wishedOrigin, place, log }: Resumption,
  signal: AbortSignal,
): Promise<Resumed> {
  const decided = await ledger.readOrigin(of, signal);
  const origin = decided ?? (await ledger.origin(of, await wishedOrigin(), signal));
  let last = hint && (await ledger.read(of, hint.start, signal));
  if (last) checkEntry(last, of, last.start);
  if (hint && !last) {
    log.warn(
      'the ledger does not know the saved position; starting from the beginning of its chain',
      {
        topic: of.topic,
        partition: of.partition,
        saved: formatRange(hint),
        origin,
      },
    );
  }
  let walked = 0;
  for await (const entry of walkChain(ledger, of, last?.end ?? origin, signal)) {
    last = entry;
    walked += 1;
  }
  // Its files may have been moved on since, on purpose.
  const placedBefore = last?.start === hint?.start && last?.attempt === hint?.attempt;
  if (last && !placedBefore) await place(last);
  return { position: last?.end ?? origin, origin, walked, last };
}

/**
 * The entries from `from` on, in order, until none stands. `from` must be an origin or the end of an entry. Batches
 * tend to be of one size, so once that holds several starts are guessed and read at a time; a wrong guess reads a
 * name that nobody wrote and costs nothing but the request. Throws POSITION_CORRUPT for an entry that does not fit.
 */
export async function* walkChain(
  ledger: Ledger,
  of: TopicPartition,
  from: bigint,
  signal: AbortSignal,
): AsyncGenerator<BatchRecord, void, undefined> {
  let position = from;
  let length = 0n;
  let width = 1;
  for (;;) {
    signal.throwIfAborted();
    const starts = Array.from({ length: width }, (_, index) => position + BigInt(index) * length);
    const found = await Promise.all(starts.map((start) => ledger.read(of, start, signal)));
    let hits = 0;
    for (const [index, entry] of found.entries()) {
      if (entry === undefined || starts[index] !== position) break;
      checkEntry(entry, of, position);
      yield entry;
      hits += 1;
      length = entry.end - entry.start;
      position = entry.end;
    }
    if (hits === 0) return;
    width = hits === width ? Math.min(width * 2, READ_AHEAD) : 1;
  }
}

function checkEntry(entry: BatchRecord, of: TopicPartition, start: bigint): void {
  const fits =
    entry.topic === of.topic && entry.partition === of.partition && entry.start === start;
  if (fits && entry.end > entry.start) return;
  throw new PipelineError(
    'POSITION_CORRUPT',
    `ledger entry ${start} of ${formatTopicPartition(of)} holds ${formatRange(entry)}`,
    {
      hint: 'An entry is never changed after it was written. Restore it from a backup, or ask what edited the ledger.',
      context: { topic: of.topic, partition: of.partition, start },
    },
  );
}
