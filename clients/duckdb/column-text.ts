// One JSON value to the canonical text of its column type. This is the definition of what fits a column; the fast way
// (raw-layout.ts) may only accept what ends the same here.
import { Fault, withoutLoneSurrogates } from '../../pipeline/codec.ts';
import type { Column, ColumnType } from '../../pipeline/table.ts';
import { formatEpochMs, isDay, parseInstant } from './instant.ts';
import { jsonElements } from './json-text.ts';

/** NULL, the canonical text of a scalar, or the elements of an array<string> (which may be NULL themselves). */
export type RowValue = string | null | readonly (string | null)[];

/** The JSON text of the value at hand. Asked for only where `JSON.parse` may have lost something: digits, spelling. */
type Source = () => string;

const BIGINT_MAX = 2n ** 63n - 1n;
const INT_MAX = 2n ** 31n - 1n;
const DIGITS = /^-?\d{1,400}$/;
const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const NOT_FINITE: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);

const CONVERT: Record<ColumnType, (value: unknown, source: Source) => RowValue | undefined> = {
  string: toText,
  bigint: (value, source) => toInteger(value, source, BIGINT_MAX),
  int: (value, source) => toInteger(value, source, INT_MAX),
  double: toDouble,
  boolean: (value) => {
    const text = String(value);
    return !Array.isArray(value) && (text === 'true' || text === 'false') ? text : undefined;
  },
  timestamp: (value) => {
    if (typeof value === 'string') return parseInstant(value);
    return typeof value === 'number' ? formatEpochMs(value) : undefined;
  },
  date: (value) => (typeof value === 'string' && isDay(value) ? value : undefined),
  'array<string>': toTexts,
};

/**
 * The value of `column` from what lies at its path. Missing and JSON null are NULL; '' stays ''.
 * - string: a JSON string as it is; any other value as its JSON text.
 * - bigint, int: whole numbers within range, exact; also quoted digits. Written with fraction or exponent (`1.0`, `1e3`) a
 *   number is read as a double first and must be whole and within 2^53.
 * - double: finite numbers (1e400 is out of range), also quoted; "NaN", "Infinity" and "-Infinity".
 * - boolean: true, false, also quoted.
 * - timestamp: ISO 8601, or a number: always milliseconds since 1970.  date: `yyyy-MM-dd`.
 * - array<string>: an array of strings, nulls and other scalars (as their JSON text).
 */
export function columnValue(column: Column, value: unknown, source: Source): RowValue | Fault {
  if (value === undefined || value === null) return null;
  const text = CONVERT[column.type](value, source);
  if (text !== undefined) return text;
  return new Fault(
    'CODEC_COLUMN',
    `column ${column.name} is ${column.type}, and the ${kindOf(value)} at ${column.path} does not fit`,
  );
}

function toText(value: unknown, source: Source): string {
  return typeof value === 'string' ? withoutLoneSurrogates(value) : source();
}

function toInteger(value: unknown, source: Source, max: bigint): string | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const text = Number.isSafeInteger(value) ? String(value) : digitsOf(value, source);
  if (text === undefined) return undefined;
  const number = BigInt(text);
  return number <= max && number >= -max - 1n ? number.toString() : undefined;
}

/** Digits of a quoted number, or of one that a double cannot hold. */
function digitsOf(value: number | string, source: Source): string | undefined {
  const text = typeof value === 'string' ? value : source();
  if (DIGITS.test(text)) return text;
  const number = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? String(number) : undefined;
}

function toDouble(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  if (NOT_FINITE.has(value)) return value;
  return NUMBER.test(value) ? toDouble(Number(value)) : undefined;
}

function toTexts(value: unknown, source: Source): (string | null)[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const elements: unknown[] = value;
  if (elements.some((element) => typeof element === 'object' && element !== null)) return undefined;
  let texts: string[] | undefined;
  return elements.map((element, index) => {
    if (typeof element === 'string') return withoutLoneSurrogates(element);
    if (element === null) return null;
    texts ??= jsonElements(source());
    return texts[index] ?? null;
  });
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : typeof value;
}
