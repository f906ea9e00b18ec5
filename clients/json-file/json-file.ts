// One JSON document that one process owns: locked, read once, and written whole each time (node-json-db).
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { DatabaseError, JsonDB } from 'node-json-db';
import { ConfigWithAdapter } from 'node-json-db/dist/lib/JsonDBConfig.js';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import { type FileKind, unwritable } from './file-kind.ts';
import { FileLock } from './lock.ts';
import { type JsonObject, SafeJsonAdapter } from './safe-json-adapter.ts';

export interface JsonFileOptions {
  /** Relative to the working directory. Its directory is created. */
  readonly file: string;
  readonly kind: FileKind;
  readonly clock: Clock;
  /** What is to stand in the file, asked for at the beginning of each write. Its first key is `version`. */
  readonly document: () => JsonObject;
}

/** The whole document is pushed at the root: node-json-db takes `/` and `[x]` within names for paths. */
const ROOT = '/';

export class JsonFile {
  /** Absolute. */
  readonly path: string;
  readonly #options: JsonFileOptions;
  readonly #adapter: SafeJsonAdapter;
  readonly #db: JsonDB;
  #lock: FileLock | undefined;
  /** Grows with every change; `#durable` is the one on disk. */
  #revision = 0;
  #durable = 0;
  #writing: Promise<void> | undefined;
  #queued: Promise<void> | undefined;

  constructor(options: JsonFileOptions) {
    this.#options = options;
    this.path = resolve(options.file);
    this.#adapter = new SafeJsonAdapter(this.path, options.kind);
    this.#db = new JsonDB(new ConfigWithAdapter(this.#adapter));
  }

  /**
   * Locks and reads the file, hands its object (empty: there is none yet) to `load`, and writes once, so that a full disk or
   * a missing right shows here. `aside` is where a file that was cut off has gone. Throws POSITION_LOCKED, POSITION_CORRUPT,
   * POSITION_UNWRITABLE and what `load` throws; nothing stays locked then.
   */
  async open(
    load: (found: JsonObject, aside: string | undefined) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { kind, clock } = this.#options;
    await mkdir(dirname(this.path), { recursive: true }).catch((error: unknown) => {
      throw unwritable(this.path, kind, error);
    });
    const lock = await FileLock.take(this.path, kind, clock, signal);
    this.#lock = lock;
    try {
      const aside = await this.#adapter.prepare(clock.now());
      load(await quiet(this.#db.getData(ROOT)), aside);
      this.changed();
      await this.save();
    } catch (error) {
      this.#lock = undefined;
      await lock.release();
      throw error;
    }
  }

  /** The document differs from what is on disk. */
  changed(): void {
    invariant(this.#lock !== undefined, `the ${this.#options.kind.name} is not open`);
    this.#revision += 1;
  }

  /** Resolves when every change so far is on disk. Many at a time share a write: one under way, one behind it. */
  async save(): Promise<void> {
    if (this.#durable === this.#revision) return;
    this.#queued ??= this.#writeNext();
    await this.#queued;
  }

  async close(): Promise<void> {
    await this.#queued?.catch(() => {});
    await this.#writing?.catch(() => {});
    const lock = this.#lock;
    this.#lock = undefined;
    await lock?.release();
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
    await quiet(this.#db.push(ROOT, this.#options.document()));
    this.#durable = revision;
  }
}

/** The object in `file`, without lock and without a change; empty when there is none. Throws POSITION_CORRUPT. */
export async function readJsonFile(file: string, kind: FileKind): Promise<JsonObject> {
  return new SafeJsonAdapter(resolve(file), kind).readAsync();
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
