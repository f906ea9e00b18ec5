// Keeps a ledger small over years: the oldest entries of a topic partition become one roll-up and are removed. The order
// is the law: a roll-up is written before what it covers is removed, and every writer looks for one after its commit.

import { PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord, Ledger, RollUp } from '../pipeline/ledger.ts';
import { formatRange, formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import { walkChain } from './chain.ts';

export interface RollUpRule {
  /** Milliseconds since 1970: entries of that time and later stay. */
  readonly before: number;
  /** Fewer entries than this are left alone; no more than that are rolled up at once. */
  readonly entriesMin: number;
  readonly entriesMax: number;
}

/** In the background there is no hurry. */
const READ_AHEAD = 2;

/**
 * Rolls up the oldest entries of `of` and returns how many. Never the last one: an entry that has a successor was placed
 * (see `resume`). Safe beside writers, readers and others who do the same; whoever dies in it is followed up here.
 */
export async function rollUp(
  ledger: Ledger,
  of: TopicPartition,
  { before, entriesMin, entriesMax }: RollUpRule,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  const standing = await ledger.rolledUp(of, signal);
  if (standing) await finish(ledger, standing, signal);
  const from = standing?.end ?? (await ledger.readOrigin(of, signal));
  if (from === undefined) return 0;
  const covered: bigint[] = [];
  let sums: RollUp = standing ?? { ...NOTHING, ...of, number: 0, from, end: from };
  let last: BatchRecord | undefined;
  for await (const entry of walkChain(ledger, of, from, signal, READ_AHEAD)) {
    if (last) {
      covered.push(last.start);
      sums = add(sums, last);
    }
    if (entry.at >= before || covered.length >= entriesMax) break;
    last = entry;
  }
  if (covered.length < entriesMin) return 0;
  const next = { ...sums, number: sums.number + 1, from, at: now };
  if (!(await ledger.rollUp(next, signal))) return 0;
  await ledger.forget(of, covered, signal);
  return covered.length;
}

const NOTHING = {
  ...{ entries: 0, rows: 0, deadLetters: 0, skipped: 0, lost: 0n, passedOver: 0n },
  ...{ last: undefined, at: 0 },
};

/** Removes what stands of the entries that `standing` covers: its writer may have died before that. */
async function finish(ledger: Ledger, standing: RollUp, signal: AbortSignal): Promise<void> {
  const left: bigint[] = [];
  // The last ones are removed first, so what is left begins where the roll-up does.
  for await (const { start } of walkChain(ledger, standing, standing.from, signal, READ_AHEAD)) {
    if (start >= standing.end) break;
    left.push(start);
  }
  if (left.length > 0) await ledger.forget(standing, left, signal);
}

function add(sums: RollUp, entry: BatchRecord): RollUp {
  const offsets = entry.end - entry.start;
  return {
    ...sums,
    end: entry.end,
    entries: sums.entries + 1,
    rows: sums.rows + entry.rows,
    deadLetters: sums.deadLetters + entry.deadLetters,
    skipped: sums.skipped + entry.skipped,
    lost: sums.lost + (entry.kind === 'lost' ? offsets : 0n),
    passedOver: sums.passedOver + (entry.kind === 'skip' ? offsets : 0n),
    last: entry.last ?? sums.last,
  };
}

/** The newest roll-ups of a ledger, which reads one by its number. */
export class NewestRollUps {
  readonly #read: (
    of: TopicPartition,
    number: number,
    signal: AbortSignal,
  ) => Promise<RollUp | undefined>;
  readonly #known = new Map<string, RollUp>();

  constructor(
    read: (of: TopicPartition, number: number, signal: AbortSignal) => Promise<RollUp | undefined>,
  ) {
    this.#read = read;
  }

  /** One that stood when this was asked, or a newer one. Found by doubling steps: numbers have no holes, none is removed. */
  async of(of: TopicPartition, signal: AbortSignal): Promise<RollUp | undefined> {
    const name = formatTopicPartition(of);
    let newest = this.#known.get(name);
    const isThere = async (step: number) => {
      const found = await this.#read(of, (newest?.number ?? 0) + step, signal);
      newest = found ?? newest;
      return found !== undefined;
    };
    let step = 1;
    while (await isThere(step)) step *= 2;
    for (; step > 1; step /= 2) await isThere(step / 2);
    if (newest) this.#known.set(name, newest);
    return newest;
  }

  /**
   * To be asked after a commit. Throws POSITION_ROLLED_UP for an entry that was committed where another one stood before:
   * it was rolled up and removed, which freed its name.
   */
  async refuse(record: BatchRecord, signal: AbortSignal): Promise<void> {
    const newest = await this.of(record, signal);
    if (newest === undefined || newest.end <= record.start) return;
    throw new PipelineError(
      'POSITION_ROLLED_UP',
      `${formatRange(record)}: everything up to ${newest.end} was decided and rolled up while this writer was away`,
      {
        hint: 'Nothing of it was placed. Start again: the consumer goes on behind what is decided. A writer may be away for params.ledger.keepDays.',
        context: { topic: record.topic, partition: record.partition, start: record.start },
      },
    );
  }
}
