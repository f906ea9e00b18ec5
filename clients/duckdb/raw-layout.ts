// The fast way: which JSON values DuckDB may read straight from the bytes of the record, and in which layout. JavaScript
// looks at every value, but builds nothing. Whatever is not certainly the same as in row-reader.ts is refused here.
import { isJsonObject } from '../../pipeline/codec.ts';
import type { ColumnType } from '../../pipeline/table.ts';
import { isPlainInstant } from './instant.ts';
import type { ReadColumn } from './row-reader.ts';

/** The object tree DuckDB is told to read: a type at each leaf. */
export type RawTree = Map<string, ColumnType | RawTree>;

const INT_MAX = 2 ** 31 - 1;
const PLAIN_DIGITS = /^(?:0|-?[1-9]\d{0,14})$/;

const FITS: Record<ColumnType, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  bigint: isWhole,
  int: (value) => isWhole(value) && Math.abs(Number(value)) <= INT_MAX,
  double: (value) => typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0),
  boolean: (value) => typeof value === 'boolean',
  timestamp: (value) => typeof value === 'string' && isPlainInstant(value),
  // Rare enough to be left to the exact way.
  date: () => false,
  'array<string>': isTexts,
};

interface Leaf {
  readonly keys: readonly string[];
  readonly last: string;
  readonly fits: (value: unknown) => boolean;
}

export class RawLayout {
  readonly tree: RawTree;
  readonly #leaves: readonly Leaf[];
  readonly #day: readonly string[];

  /** undefined when no column has a path, or the paths cannot be read in one go, e.g. `a` as text and `a.b` too. */
  static of(columns: readonly ReadColumn[], dayColumn: number | undefined): RawLayout | undefined {
    const tree = treeOf(columns);
    return tree && tree.size > 0 ? new RawLayout(tree, columns, dayColumn) : undefined;
  }

  private constructor(
    tree: RawTree,
    columns: readonly ReadColumn[],
    dayColumn: number | undefined,
  ) {
    this.tree = tree;
    this.#day = dayColumn === undefined ? [] : (columns[dayColumn]?.keys ?? []);
    this.#leaves = columns.flatMap(({ keys, type }) => {
      const last = keys.at(-1);
      return last === undefined ? [] : [{ keys: keys.slice(0, -1), last, fits: FITS[type] }];
    });
  }

  /** Whether DuckDB reads the same row from the bytes of this value as the exact reader does. */
  fits(json: unknown, text: string): boolean {
    if (!isJsonObject(json)) return false;
    for (const { keys, last, fits } of this.#leaves) {
      let at = json;
      for (const key of keys) {
        const next: unknown = at[key];
        if (next === undefined || next === null) {
          at = NOTHING;
          break;
        }
        if (!isJsonObject(next)) return false;
        at = next;
      }
      const value = at[last];
      if (value !== undefined && value !== null && !fits(value)) return false;
    }
    // Perhaps a lone surrogate, at which DuckDB refuses the whole file.
    return !text.includes('\\ud') && !text.includes('\\uD');
  }

  /** The day of the column that gives `dt`, of a value that fits; undefined when that column is NULL. */
  day(json: unknown): string | undefined {
    let at: unknown = json;
    for (const key of this.#day) at = isJsonObject(at) ? at[key] : undefined;
    return typeof at === 'string' ? at.slice(0, 10) : undefined;
  }
}

const NOTHING: Readonly<Record<string, unknown>> = Object.create(null);

function isWhole(value: unknown): boolean {
  return typeof value === 'string' ? PLAIN_DIGITS.test(value) : Number.isSafeInteger(value);
}

function isTexts(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  for (const element of value) if (typeof element !== 'string' && element !== null) return false;
  return true;
}

function treeOf(columns: readonly ReadColumn[]): RawTree | undefined {
  const root: RawTree = new Map();
  for (const { keys, type } of columns) {
    if (!keys.every(isReadable)) return undefined;
    let at = root;
    for (const [depth, key] of keys.entries()) {
      const known = lookUp(at, key);
      if (known === 'other case') return undefined;
      if (depth === keys.length - 1) {
        if (known !== undefined && known !== type) return undefined;
        at.set(key, type);
      } else {
        if (typeof known === 'string') return undefined;
        const next: RawTree = known ?? new Map();
        at.set(key, next);
        at = next;
      }
    }
  }
  return root;
}

// DuckDB's struct fields do not tell cases apart.
function lookUp(tree: RawTree, key: string): ColumnType | RawTree | 'other case' | undefined {
  for (const [name, value] of tree) {
    if (name === key) return value;
    if (name.toLowerCase() === key.toLowerCase()) return 'other case';
  }
  return undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: keys with control characters are what is excluded here.
const READABLE = /^[^\u0000-\u001f\ud800-\udfff]+$/u;

function isReadable(key: string): boolean {
  return READABLE.test(key);
}
