// How far each topic partition is: by the position store, by the ledger, and what the topic holds.
import type { Ledger } from '../../pipeline/ledger.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';
import { chainEnd } from '../chain.ts';
import { aligned } from '../verify/print.ts';

/** One topic partition: what the store has saved, what the ledger has decided, what the topic holds. */
export interface PositionStanding {
  readonly partition: number;
  /** Undefined: the store knows nothing (and the ledger is asked from its beginning). */
  readonly saved: PlacedBatch | undefined;
  /** Undefined: nobody has begun to read it. */
  readonly origin: bigint | undefined;
  /** End of the ledger's chain: where the next start goes on. */
  readonly position: bigint | undefined;
  readonly logStart: bigint;
  readonly highWatermark: bigint;
}

/** What an action looks at. */
export interface PositionsParts {
  readonly topic: string;
  readonly ledger: Ledger;
  readonly saved: (partition: number) => Promise<PlacedBatch | undefined>;
  readonly bounds: ReadonlyMap<
    number,
    { readonly logStart: bigint; readonly highWatermark: bigint }
  >;
}

/** Every partition of the topic, ascending. */
export async function survey(
  { topic, ledger, saved, bounds }: PositionsParts,
  signal: AbortSignal,
): Promise<PositionStanding[]> {
  const standings: PositionStanding[] = [];
  for (const [partition, { logStart, highWatermark }] of bounds) {
    const hint = await saved(partition);
    const end = await chainEnd(ledger, { topic, partition }, hint ? [hint] : [], signal);
    const { origin, position } = end ?? {};
    standings.push({ partition, saved: hint, origin, position, logStart, highWatermark });
  }
  return standings.sort((a, b) => a.partition - b.partition);
}

export function showLines(standings: readonly PositionStanding[]): string[] {
  const rows = standings.map(({ partition, saved, position, logStart, highWatermark }) => {
    const begin = position ?? logStart;
    const cells = [partition, saved?.end ?? '-', position ?? '-', highWatermark];
    return [...cells, highWatermark > begin ? highWatermark - begin : 0n].map(String);
  });
  return aligned([['partition', 'saved', 'ledger', 'topic end', 'lag'], ...rows]);
}

/** One JSON object; offsets are decimal strings. */
export function exportJson(
  topic: string,
  destination: string,
  standings: readonly PositionStanding[],
): string {
  const positions = standings.map(({ saved, ...standing }) => ({
    ...standing,
    saved: saved && { start: saved.start, end: saved.end },
  }));
  return JSON.stringify({ topic, destination, positions }, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
}
