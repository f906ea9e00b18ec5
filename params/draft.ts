// What files, environment and flags say before it is judged: raw values, and for each the place it came from.
import type { SettingsFile } from './keys.ts';

/** Where a value was written. `line` and `column` count from 1 and only files have them. */
export interface Place {
  readonly kind: 'file' | 'env' | 'flag';
  /** The file as the user named it, the variable, or the flag. */
  readonly name: string;
  readonly line?: number;
  readonly column?: number;
}

/** One thing that is wrong. A file as a whole (unreadable, no JSON) has no `key`. */
export interface Problem {
  readonly place: Place;
  readonly key: string;
  readonly message: string;
}

export type RawObject = { [key: string]: unknown };

/** An object without a prototype, so that a key such as __proto__ is an unknown key like any other. */
export function rawObject(): RawObject {
  return Object.create(null) as RawObject;
}

export function isRawObject(value: unknown): value is RawObject {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === null;
}

/** The raw values of one settings file, overlaid by environment and flags; later `put`s win. */
export class Draft {
  readonly file: SettingsFile;
  readonly #places = new Map<string, Place>();
  root: RawObject = rawObject();

  constructor(file: SettingsFile) {
    this.file = file;
  }

  /** Notes where `path` was written. */
  mark(path: readonly string[], place: Place): void {
    this.#places.set(path.join('.'), place);
  }

  /** Sets one value and forgets what stood there or below it. */
  put(path: readonly string[], value: unknown, place: Place): void {
    const name = path.join('.');
    for (const known of this.#places.keys()) {
      if (known.startsWith(`${name}.`)) this.#places.delete(known);
    }
    let parent = this.root;
    for (const part of path.slice(0, -1)) {
      const next = parent[part];
      if (isRawObject(next)) {
        parent = next;
        continue;
      }
      const made = rawObject();
      parent[part] = made;
      parent = made;
    }
    parent[path.at(-1) ?? ''] = value;
    this.mark(path, place);
  }

  /** The raw value at `path`, undefined when nobody wrote one. */
  at(path: readonly string[]): unknown {
    let value: unknown = this.root;
    for (const part of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
        return undefined;
      value = (value as RawObject)[part];
    }
    return value;
  }

  /** Where `path`, or the nearest thing around it, was written; undefined when nobody wrote any of it. */
  placeOf(path: readonly string[]): Place | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = this.#places.get(path.slice(0, length).join('.'));
      if (place) return place;
    }
    return undefined;
  }

  /** Where exactly `path` was written, undefined when only something around it was. */
  exactPlace(path: readonly string[]): Place | undefined {
    return this.#places.get(path.join('.'));
  }
}
