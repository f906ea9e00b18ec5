// The file store: the last placed batch of each topic partition in one file a person can read (node-json-db).
import type { FileKind } from '../../clients/json-file/file-kind.ts';
import { JsonFile, readJsonFile } from '../../clients/json-file/json-file.ts';
import type { JsonObject } from '../../clients/json-file/safe-json-adapter.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';
import { formatRange, type TopicPartition } from '../../pipeline/range.ts';
import { formatPositions, parsePositions, type SavedPosition } from './document.ts';

export interface FilePositionsOptions {
  /** Path of the file, relative to the working directory. Its directory is created. */
  readonly file: string;
  /** `database.table` or base path: one file may serve several, each with positions of its own. */
  readonly destination: string;
  readonly log: Log;
  readonly clock: Clock;
}

const POSITION_FILE: FileKind = {
  name: 'position file',
  setting: 'positions.file',
  hints: {
    locked: ', or use positions.store: group, which several processes share',
    damaged: 'the positions come back from the ledger of the table, nothing is lost or read twice.',
    unwritable: 'What was placed before is in the ledger: the next start goes on from it.',
  },
};

/**
 * A missing or empty file starts afresh; one that was cut off is moved aside with a warning and starts afresh: the
 * ledger gives the positions back. A file that is readable but not ours is refused with POSITION_CORRUPT.
 */
export class FilePositionStore implements PositionStore {
  readonly name = 'file';
  readonly #destination: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #file: JsonFile;
  /** By destination and topic partition: also what other destinations left in the file. */
  #saved = new Map<string, SavedPosition>();

  constructor({ file, destination, log, clock }: FilePositionsOptions) {
    this.#destination = destination;
    this.#log = log;
    this.#clock = clock;
    const document = () => formatPositions(this.#saved.values());
    this.#file = new JsonFile({ file, kind: POSITION_FILE, clock, document });
  }

  /**
   * Locks, reads and writes the file once, so that a full disk or a missing right shows here. Throws POSITION_LOCKED,
   * POSITION_CORRUPT, POSITION_UNWRITABLE; nothing stays locked then.
   */
  async open(signal: AbortSignal): Promise<void> {
    await this.#file.open((found, aside) => this.#load(found, aside), signal);
  }

  async last(of: TopicPartition): Promise<PlacedBatch | undefined> {
    return this.#saved.get(key(this.#destination, of))?.range;
  }

  /** Resolves when it is on disk. Many at a time share a write. */
  async advance({ topic, partition, start, end, attempt }: PlacedBatch): Promise<void> {
    const range = { topic, partition, start, end, attempt };
    invariant(start < end, `${formatRange(range)} holds nothing`);
    const stored = await this.last(range);
    // A rebuilt file does not say that the batch was placed; now it does.
    const isSame = end === stored?.end && stored.attempt === '';
    if (stored === undefined || end > stored.end || isSame) this.#set(range);
    await this.#file.save();
  }

  /** Replaces all positions of this destination, backwards too: for `positions rebuild`. */
  async replace(ranges: readonly PlacedBatch[]): Promise<void> {
    this.#file.changed();
    for (const [name, { destination }] of this.#saved) {
      if (destination === this.#destination) this.#saved.delete(name);
    }
    for (const range of ranges) this.#set(range);
    await this.#file.save();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #load(found: JsonObject, aside: string | undefined): void {
    const { path } = this.#file;
    if (aside) {
      const what = 'the position file was cut off and moved aside; positions come from the ledger';
      this.#log.warn(what, { file: path, aside });
    }
    const saved = parsePositions(found, path);
    if (saved.length === 0) {
      this.#log.info('no saved positions yet; they come from the ledger', { file: path });
    }
    this.#saved = new Map(saved.map((one) => [key(one.destination, one.range), one]));
  }

  #set(range: PlacedBatch): void {
    const { topic, partition, start, end, attempt } = range;
    this.#saved.set(key(this.#destination, range), {
      destination: this.#destination,
      range: { topic, partition, start, end, attempt },
      savedAt: new Date(this.#clock.now()).toISOString(),
    });
    this.#file.changed();
  }
}

/** The saved positions of all destinations, without lock and without a change: for people. Throws POSITION_CORRUPT. */
export async function readPositionFile(file: string): Promise<SavedPosition[]> {
  return parsePositions(await readJsonFile(file, POSITION_FILE), file);
}

function key(destination: string, { topic, partition }: TopicPartition): string {
  return JSON.stringify([destination, topic, partition]);
}
