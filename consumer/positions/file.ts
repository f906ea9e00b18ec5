// The file store: the last placed batch of each topic partition in one file a person can read (node-json-db).
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { DatabaseError, JsonDB } from 'node-json-db';
import { ConfigWithAdapter } from 'node-json-db/dist/lib/JsonDBConfig.js';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';
import { formatRange, type TopicPartition } from '../../pipeline/range.ts';
import { formatPositions, parsePositions, type SavedPosition } from './document.ts';
import { FileLock } from './lock.ts';
import { SafeJsonAdapter, unwritable } from './safe-json-adapter.ts';

export interface FilePositionsOptions {
  /** Path of the file, relative to the working directory. Its directory is created. */
  readonly file: string;
  /** `database.table` or base path: one file may serve several, each with positions of its own. */
  readonly destination: string;
  readonly log: Log;
  readonly clock: Clock;
}

/** The whole document is pushed at the root: node-json-db takes `/` and `[x]` within names for paths. */
const ROOT = '/';

/**
 * A missing or empty file starts afresh; one that was cut off is moved aside with a warning and starts afresh: the
 * ledger gives the positions back. A file that is readable but not ours is refused with POSITION_CORRUPT.
 */
export class FilePositionStore implements PositionStore {
  readonly name = 'file';
  readonly #file: string;
  readonly #destination: string;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #adapter: SafeJsonAdapter;
  readonly #db: JsonDB;
  /** By destination and topic partition: also what other destinations left in the file. */
  #saved = new Map<string, SavedPosition>();
  #lock: FileLock | undefined;
  /** Grows with every change; `#durable` is the one on disk. */
  #revision = 0;
  #durable = 0;
  #writing: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor({ file, destination, log, clock }: FilePositionsOptions) {
    this.#file = resolve(file);
    this.#destination = destination;
    this.#log = log;
    this.#clock = clock;
    this.#adapter = new SafeJsonAdapter(this.#file);
    this.#db = new JsonDB(new ConfigWithAdapter(this.#adapter));
  }

  /**
   * Locks, reads and writes the file once, so that a full disk or a missing right shows here. Throws POSITION_LOCKED,
   * POSITION_CORRUPT, POSITION_UNWRITABLE; nothing stays locked then.
   */
  async open(signal: AbortSignal): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true }).catch((error: unknown) => {
      throw unwritable(this.#file, error);
    });
    const lock = await FileLock.take(this.#file, this.#clock, signal);
    this.#lock = lock;
    try {
      await this.#load();
      this.#revision += 1;
      await this.#save();
    } catch (error) {
      this.#lock = undefined;
      await lock.release();
      throw error;
    }
  }

  async last(of: TopicPartition): Promise<PlacedBatch | undefined> {
    return this.#saved.get(key(this.#destination, of))?.range;
  }

  /** Resolves when it is on disk. Many at a time share a write: one under way, one behind it. */
  async advance({ topic, partition, start, end, attempt }: PlacedBatch): Promise<void> {
    invariant(this.#lock !== undefined, 'the position file is not open');
    const range = { topic, partition, start, end, attempt };
    invariant(start < end, `${formatRange(range)} holds nothing`);
    const stored = await this.last(range);
    if (stored === undefined || end > stored.end) this.#set(range);
    if (this.#durable < this.#revision) await this.#save();
  }

  /** Replaces all positions of this destination, backwards too: for `positions rebuild`. */
  async replace(ranges: readonly PlacedBatch[]): Promise<void> {
    invariant(this.#lock !== undefined, 'the position file is not open');
    for (const [name, { destination }] of this.#saved) {
      if (destination === this.#destination) this.#saved.delete(name);
    }
    this.#revision += 1;
    for (const range of ranges) this.#set(range);
    await this.#save();
  }

  async close(): Promise<void> {
    await this.#queued?.catch(() => {});
    await this.#writing?.catch(() => {});
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
  }

  async #load(): Promise<void> {
    const aside = await this.#adapter.prepare(this.#clock.now());
    if (aside) {
      this.#log.warn(
        'the position file was cut off and moved aside; positions come from the ledger',
        {
          file: this.#file,
          aside,
        },
      );
    }
    const saved = parsePositions(await quiet(this.#db.getData(ROOT)), this.#file);
    if (saved.length === 0) {
      this.#log.info('no saved positions yet; they come from the ledger', { file: this.#file });
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
    this.#revision += 1;
  }

  /** Resolves after a write that began after this call. */
  #save(): Promise<void> {
    this.#queued ??= this.#writeNext();
    return this.#queued;
  }

  async #writeNext(): Promise<void> {
    await this.#writing?.catch(() => {});
    this.#queued = undefined;
    this.#writing = this.#write();
    await this.#writing;
  }

  async #write(): Promise<void> {
    const revision = this.#revision;
    if (this.#durable === revision) return;
    await this.#lock?.check();
    await quiet(this.#db.push(ROOT, formatPositions(this.#saved.values())));
    this.#durable = revision;
  }
}

/** The saved positions of all destinations, without lock and without a change: for people. Throws POSITION_CORRUPT. */
export async function readPositionFile(file: string): Promise<SavedPosition[]> {
  return parsePositions(await new SafeJsonAdapter(resolve(file)).readAsync(), file);
}

function key(destination: string, { topic, partition }: TopicPartition): string {
  return JSON.stringify([destination, topic, partition]);
}

/** node-json-db wraps what its adapter throws; ours says more. */
async function quiet<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    const inner = error instanceof DatabaseError ? error.inner : undefined;
    throw inner instanceof PipelineError ? inner : error;
  }
}
