// The chain of a topic partition: the ledger's entries, each starting where the one before ended, from its origin or its
// newest roll-up on.
// Walking it gives the position to read from, whatever the position store says or has lost.
import { invariant, PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord, Ledger } from '../pipeline/ledger.ts';
import type { Log } from '../pipeline/log.ts';
import type { PlacedBatch } from '../pipeline/position-store.ts';
import type { TopicPartition } from '../pipeline/range.ts';
import { formatRange, formatTopicPartition } from '../pipeline/range.ts';

export interface Resumption {
  /** What position store and group know: batches that were placed, of whatever age. They spare the walk, no more. */
  readonly hints: readonly PlacedBatch[];
  /** Where to start when nobody has decided it yet; asked only then. */
  readonly wishedOrigin: () => Promise<bigint>;
  /** Moves the files of an entry to where readers look; idempotent. */
  readonly place: (entry: BatchRecord) => Promise<void>;
  readonly log: Log;
}

export interface ChainEnd {
  /** The decided first position of the topic partition. */
  readonly origin: bigint;
  /** The next offset to be read: where the chain ends. */
  readonly position: bigint;
  /** The last entry of the chain, undefined when there is none. */
  readonly last: BatchRecord | undefined;
  /** A hint that names no entry of this ledger. */
  readonly unknown: PlacedBatch | undefined;
}

/** Most reads of the ledger in flight while guessing where the next entries start. */
const READ_AHEAD = 8;

/**
 * The position to go on from: the end of the chain. A hint the ledger does not know (edited by hand, of another table,
 * restored after the table was dropped) is ignored with a warning. Throws POSITION_CORRUPT when an entry contradicts
 * the chain.
 *
 * Only the last entry is placed, because no other can be unplaced:
 *
 *     Claim: where an entry starts at s > origin, the entry that ends at s has been placed.
 *     A writer commits at s only with a position of s, and it has that position in one of two ways:
 *       - it delivered the entry that ends at s: `deliver` places what stands before it returns (also when the
 *         entry is another writer's), and a lane begins the next commit only after that;
 *       - it resumed here: the entry that ends at s was the last one then, and was placed below, before returning.
 *     So every entry that has a successor is placed, and the last one is placed here, unless it is a hint's own:
 *     a hint is saved only after its batch was placed.
 *
 * A new writer of entries (`positions set --force`) must place the last entry before it commits, as this does.
 */
export async function resume(
  ledger: Ledger,
  of: TopicPartition,
  { hints, wishedOrigin, place, log }: Resumption,
  signal: AbortSignal,
): Promise<ChainEnd> {
  let end = await chainEnd(ledger, of, hints, signal);
  if (end === undefined) {
    await ledger.origin(of, await wishedOrigin(), signal);
    end = await chainEnd(ledger, of, hints, signal);
  }
  invariant(end !== undefined, `the first position of ${formatTopicPartition(of)} is decided`);
  const { last } = end;
  // Its files may have been moved on since, on purpose.
  const placedBefore = hints.some(
    ({ start, attempt }) => start === last?.start && attempt === last.attempt,
  );
  if (last && !placedBefore) await place(last);
  if (end.unknown) {
    log.warn(
      'the ledger does not know the saved position; going on at the end of its chain (`positions rebuild` mends the file)',
      {
        topic: of.topic,
        partition: of.partition,
        saved: formatRange(end.unknown),
        position: end.position,
      },
    );
  }
  return end;
}

/**
 * The end of the chain, found from the best hint on, or from the newest roll-up, or the origin. Undefined when the ledger
 * does not know `of`. Never writes. Throws POSITION_CORRUPT when an entry contradicts the chain.
 */
export async function chainEnd(
  ledger: Ledger,
  of: TopicPartition,
  hints: readonly PlacedBatch[],
  signal: AbortSignal,
): Promise<ChainEnd | undefined> {
  const origin = await ledger.readOrigin(of, signal);
  if (origin === undefined) return undefined;
  let rolled = await ledger.rolledUp(of, signal);
  for (;;) {
    const begin = rolled?.end ?? origin;
    const { known, unknown } = await farthestKnown(ledger, of, hints, begin, signal);
    const last = (await leap(ledger, of, known?.end ?? begin, signal)) ?? known;
    // A roll-up that was written meanwhile may have taken entries away from under us.
    const now = await ledger.rolledUp(of, signal);
    if (now?.number === rolled?.number) {
      return { origin, position: last?.end ?? begin, last, unknown };
    }
    rolled = now;
  }
}

/** The farthest entry from `begin` on that a hint names, and a hint ahead of it that names none. */
async function farthestKnown(
  ledger: Ledger,
  of: TopicPartition,
  hints: readonly PlacedBatch[],
  begin: bigint,
  signal: AbortSignal,
): Promise<{ known: BatchRecord | undefined; unknown: PlacedBatch | undefined }> {
  let unknown: PlacedBatch | undefined;
  for (const hint of hints.toSorted((a, b) => (a.start > b.start ? -1 : 1))) {
    if (hint.start < begin) break;
    const known = await ledger.read(of, hint.start, signal);
    if (known) {
      checkEntry(known, of, hint.start);
      return { known, unknown };
    }
    unknown ??= hint;
  }
  return { known: undefined, unknown };
}

/**
 * The last entry from `from` on, undefined when none stands there. Every entry belongs to the chain (a writer commits at its
 * position only), so one that stands far ahead spares all before it: starts are guessed at growing distances (0, 1, 5, 21, ... lengths), as
 * batches tend to be of one size. Only what `from` and the ends of entries lead to can end the search.
 */
async function leap(
  ledger: Ledger,
  of: TopicPartition,
  from: bigint,
  signal: AbortSignal,
): Promise<BatchRecord | undefined> {
  let last: BatchRecord | undefined;
  let [position, length, width] = [from, 0n, 1];
  for (;;) {
    signal.throwIfAborted();
    const starts = Array.from(
      { length: width },
      (_, index) => position + ((4n ** BigInt(index) - 1n) / 3n) * length,
    );
    const found = await Promise.all(starts.map((start) => ledger.read(of, start, signal)));
    const farthest = found.findLastIndex((entry) => entry !== undefined);
    const entry = found[farthest];
    if (entry === undefined) return last;
    checkEntry(entry, of, starts[farthest] ?? position);
    last = entry;
    length = entry.end - entry.start;
    position = entry.end;
    // A miss at every guess: the sizes differ here.
    if (farthest === width - 1) width = Math.min(width * 2, READ_AHEAD);
    else if (farthest === 0) width = 1;
  }
}

/**
 * The entries from `from` on, in order, until none stands. `from` must be an origin, or the end of an entry or roll-up. Batches
 * tend to be of one size, so once that holds several starts are guessed and read at a time; a wrong guess reads a
 * name that nobody wrote and costs nothing but the request. Throws POSITION_CORRUPT for an entry that does not fit.
 */
export async function* walkChain(
  ledger: Ledger,
  of: TopicPartition,
  from: bigint,
  signal: AbortSignal,
  readAhead = READ_AHEAD,
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
    width = hits === width ? Math.min(width * 2, readAhead) : 1;
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
