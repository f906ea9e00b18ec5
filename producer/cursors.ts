// The cursor file: for each topic, how far each source is and which partition it was on. Written whole, by one process.
import { isDeepStrictEqual } from 'node:util';
import type { FileKind } from '../clients/json-file/file-kind.ts';
import { JsonFile } from '../clients/json-file/json-file.ts';
import type { JsonObject } from '../clients/json-file/safe-json-adapter.ts';
import type { Clock } from '../pipeline/clock.ts';
import type { Log } from '../pipeline/log.ts';
import {
  formatCursors,
  parseCursors,
  type SavedSource,
  type SavedTopic,
} from './cursor-document.ts';
import type { RotationState } from './partition-rotation.ts';

export interface CursorStoreOptions {
  /** Path of the file, relative to the working directory. Its directory is created. */
  readonly file: string;
  readonly topic: string;
  /** Names of the sources that run; those of others stay in the file as they are. */
  readonly sources: readonly string[];
  readonly log: Log;
  readonly clock: Clock;
}

/** What an earlier producer left. */
export interface SavedCursors {
  /** By source name; a source that never saved is not in it. */
  readonly cursors: Readonly<Record<string, unknown>>;
  readonly rotation: RotationState | undefined;
  /** Milliseconds since 1970: nothing of what was sent before it is read again. */
  readonly savedAt: number;
}

const CURSOR_FILE: FileKind = {
  name: 'cursor file',
  setting: 'producer.cursorFile',
  hints: {
    locked: '',
    damaged: 'the sources start afresh then, as with --from-start.',
    unwritable:
      'What was read is in Kafka: the next start reads some of it again and leaves out what it finds in the topic.',
  },
};

/**
 * A missing or empty file starts afresh; one that was cut off is moved aside with a warning and starts afresh. A file that
 * is readable but not ours is refused with POSITION_CORRUPT.
 */
export class CursorStore {
  readonly #options: CursorStoreOptions;
  readonly #file: JsonFile;
  #topics = new Map<string, SavedTopic>();

  constructor(options: CursorStoreOptions) {
    this.#options = options;
    const { file, clock } = options;
    const document = () => formatCursors(this.#topics);
    this.#file = new JsonFile({ file, kind: CURSOR_FILE, clock, document });
  }

  /**
   * Locks and reads the file and notes that these sources run now, which also shows a full disk here. Returns what was
   * saved; undefined when none of the sources ever ran for this topic, or `fromStart` asks to forget it. Throws
   * POSITION_LOCKED, POSITION_CORRUPT, POSITION_UNWRITABLE; nothing stays locked then.
   */
  async open(fromStart: boolean, signal: AbortSignal): Promise<SavedCursors | undefined> {
    let saved: SavedCursors | undefined;
    await this.#file.open((found, aside) => {
      this.#load(found, aside);
      if (!fromStart) saved = this.#saved();
      this.#enter(fromStart);
    }, signal);
    return saved;
  }

  /** Resolves when it is on disk. `cursors` by source name. Throws POSITION_UNWRITABLE, POSITION_LOCKED. */
  async save(
    cursors: Readonly<Record<string, unknown>>,
    rotation: RotationState | undefined,
  ): Promise<void> {
    const { topic, clock } = this.#options;
    const sources = new Map(this.#topics.get(topic)?.sources);
    const savedAt = clock.now();
    for (const [name, cursor] of Object.entries(cursors)) {
      // A cursor that stands still keeps its time: what an earlier producer sent behind it still has to be looked for.
      if (!isDeepStrictEqual(sources.get(name)?.cursor, cursor)) {
        sources.set(name, { cursor, savedAt });
      }
    }
    this.#topics.set(topic, { rotation, sources });
    this.#file.changed();
    await this.#file.save();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #load(found: JsonObject, aside: string | undefined): void {
    const { path } = this.#file;
    if (aside) {
      const what = 'the cursor file was cut off and moved aside; the sources start afresh';
      this.#options.log.warn(what, { file: path, aside });
    }
    this.#topics = parseCursors(found, path);
  }

  #saved(): SavedCursors | undefined {
    const { topic, sources } = this.#options;
    const { rotation, sources: known } = this.#topics.get(topic) ?? {};
    const named = sources.flatMap((name): [string, SavedSource][] => {
      const one = known?.get(name);
      return one ? [[name, one]] : [];
    });
    if (named.length === 0) return undefined;
    const withCursor = named.filter(([, { cursor }]) => cursor !== undefined);
    return {
      cursors: Object.fromEntries(withCursor.map(([name, { cursor }]) => [name, cursor])),
      rotation,
      savedAt: Math.min(...named.map(([, { savedAt }]) => savedAt)),
    };
  }

  /** A source that never ran gets an entry without cursor, so that what it sends before its first save is looked for, too. */
  #enter(fromStart: boolean): void {
    const { topic, sources: names, clock } = this.#options;
    const { rotation, sources: known } = this.#topics.get(topic) ?? {};
    const sources = new Map(known);
    for (const name of names) {
      if (fromStart || !sources.has(name)) {
        sources.set(name, { cursor: undefined, savedAt: clock.now() });
      }
    }
    this.#topics.set(topic, { rotation: fromStart ? undefined : rotation, sources });
  }
}
