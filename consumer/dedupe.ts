// Which records repeat an earlier one (`consumer.dedupe`): same id, same topic partition, within so many offsets. The rule
// looks at nothing but the log, so that batches, restarts and the writer make no difference.
import { parsePath, valueAt } from '../clients/duckdb/column-path.ts';
import { jsonTextAt } from '../clients/duckdb/json-text.ts';
import type { Params } from '../params/schema.ts';
import { decodeValue, Fault } from '../pipeline/codec.ts';
import type { PipelineRecord } from '../pipeline/record.ts';
import { IdWindow } from './id-window.ts';

type DedupeSettings = NonNullable<Params['consumer']['dedupe']>;

/** The id of a record; undefined when it has none: it repeats nothing then, and nothing repeats it. */
type IdOf = (record: PipelineRecord) => Buffer | string | undefined;

/**
 * Reads the id at `by`, a path in the JSON value such as `id` or `post.uri`, or `$key`. A text and a number are ids, as they
 * are written (1 and "1" differ, large numbers keep their digits); an empty text or key is none. Throws CONFIG_INVALID.
 */
export function idReader(by: string): IdOf {
  if (by === '$key') return ({ key }) => (key?.length ? key : undefined);
  const path = parsePath(by);
  return ({ value }) => {
    const decoded = value === null ? undefined : decodeValue(value, 'json');
    if (decoded === undefined || decoded instanceof Fault) return undefined;
    const id = valueAt(decoded.json, path);
    if (typeof id === 'string') return id === '' ? undefined : `"${id}`;
    return typeof id === 'number' ? jsonTextAt(decoded.text, path) : undefined;
  };
}

/** Makes the `Repeats` of a topic partition, none where dedupe is off. Throws CONFIG_INVALID for a path that is none. */
export function repeatsBy(settings: DedupeSettings | undefined): () => Repeats | undefined {
  if (settings === undefined) return () => undefined;
  const idOf = idReader(settings.by);
  return () => new Repeats(idOf, settings.window);
}

/** Judges the records of one topic partition, which must come in order of offset, none twice and none left out. */
export class Repeats {
  /** Offsets that are looked back over. */
  readonly window: bigint;
  readonly #idOf: IdOf;
  readonly #ids: IdWindow;

  constructor(idOf: IdOf, window: number) {
    this.window = BigInt(window);
    this.#idOf = idOf;
    this.#ids = new IdWindow(window);
  }

  /** True if a record of the same id stands within `window` offsets before this one. Remembers it. */
  isRepeat(record: PipelineRecord): boolean {
    const id = this.#idOf(record);
    return id !== undefined && this.#ids.add(id, record.offset);
  }
}
