// Which file of a location grows: `alerts.json` until it is as large as it may be, then `alerts-000001.json`, and so on. It is
// chosen when a batch is staged and stands in the ledger entry, so that whoever places it, and however often, takes the same.
import type { DirectoryEntry } from '../../clients/files/file-system.ts';
import type { Clock } from '../../pipeline/clock.ts';

export interface GrowingNamesParts {
  /** What lies in the directory of a location; undefined where there is none. */
  readonly list: (
    location: string,
    signal: AbortSignal,
  ) => Promise<readonly DirectoryEntry[] | undefined>;
  readonly isGzip: boolean;
  /** A file grows up to here, unless a single part is larger. */
  readonly bytesMax: number;
  readonly clock: Clock;
}

/** Locations that are remembered. One that is not costs a look at its directory. */
const KNOWN_MAX = 10_000;
/** Other processes let files grow, too, and what was staged may never have been placed. */
const LOOK_AGAIN_MS = 30_000;

const NAME = /^alerts(?:-(?<number>\d{6}))?\.json(?<gzip>\.gz)?$/;

interface Growing {
  number: number;
  /** Its length with all that was staged for it since. */
  bytes: number;
  readonly lookedAt: number;
}

/** Whether a file of this name grows; otherwise it is that of one batch. */
export function isGrowingName(name: string): boolean {
  return NAME.test(name);
}

export function growingName(number: number, isGzip: boolean): string {
  const suffix = number === 0 ? '' : `-${`${number}`.padStart(6, '0')}`;
  return `alerts${suffix}.json${isGzip ? '.gz' : ''}`;
}

export class GrowingNames {
  readonly #parts: GrowingNamesParts;
  readonly #known = new Map<string, Promise<Growing>>();

  constructor(parts: GrowingNamesParts) {
    this.#parts = parts;
  }

  /** The name of the file in `location` that the next `bytes` go to. Numbers of a location only grow. */
  async choose(location: string, bytes: number, signal: AbortSignal): Promise<string> {
    const growing = await this.#of(location, signal);
    if (growing.bytes > 0 && growing.bytes + bytes > this.#parts.bytesMax) {
      growing.number += 1;
      growing.bytes = 0;
    }
    growing.bytes += bytes;
    return growingName(growing.number, this.#parts.isGzip);
  }

  async #of(location: string, signal: AbortSignal): Promise<Growing> {
    const known = this.#known.get(location);
    // Batches of several topic partitions may ask at once: one looks, the others wait for it.
    const growing = this.#fresh(known, location, signal);
    this.#known.delete(location);
    this.#known.set(location, growing);
    const oldest = this.#known.keys().next().value;
    if (this.#known.size > KNOWN_MAX && oldest !== undefined) this.#known.delete(oldest);
    growing.catch(() => this.#known.delete(location));
    return growing;
  }

  async #fresh(
    known: Promise<Growing> | undefined,
    location: string,
    signal: AbortSignal,
  ): Promise<Growing> {
    const now = this.#parts.clock.monotonic();
    // A look of another topic partition may have been cut off with it.
    const before = await known?.catch(() => undefined);
    if (before && now - before.lookedAt < LOOK_AGAIN_MS) return before;
    const { list, isGzip } = this.#parts;
    let found = { number: before?.number ?? 0, bytes: 0, lookedAt: now };
    for (const { name, bytes } of (await list(location, signal)) ?? []) {
      const match = NAME.exec(name)?.groups;
      if (match === undefined || (match['gzip'] !== undefined) !== isGzip) continue;
      const number = Number(match['number'] ?? 0);
      if (number >= found.number) found = { number, bytes, lookedAt: now };
    }
    return found;
  }
}
