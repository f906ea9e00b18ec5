// Decodes one record value: UTF-8, then JSON where the topic holds JSON. Pure; which column takes what is decided
// by whoever knows the table.
import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from './errors.ts';

export type ValueFormat = 'json' | 'text';
export type TombstonePolicy = 'skip' | 'write' | 'dead-letter';

/** Why a record cannot become a row. No error class: faults are ordinary results, made by the thousand. */
export class Fault {
  readonly code: ErrorCode;
  /** What is wrong, naming the column where there is one; free of record values. */
  readonly reason: string;

  constructor(code: ErrorCode, reason: string) {
    this.code = code;
    this.reason = reason;
  }
}

export interface Decoded {
  /** The whole value as it came. */
  readonly text: string;
  /** What `JSON.parse` makes of it; undefined for a topic of plain text. Numbers beyond 2^53 are not exact here. */
  readonly json: unknown;
}

const NOT_UTF8 = new Fault('CODEC_NOT_UTF8', 'the value is not UTF-8');
const NOT_JSON = new Fault('CODEC_NOT_JSON', 'the value is not one JSON text');
const EMPTY = new Fault('CODEC_NOT_JSON', 'the value is empty, which is no JSON text');
const TOMBSTONE = new Fault(
  'CODEC_TOMBSTONE',
  'the record has no value, and tombstones go to the dead letters',
);
const REPLACEMENT = '\ufffd';
export const BYTE_ORDER_MARK = 0xfeff;

/**
 * Decodes the bytes of a value. Faults: CODEC_NOT_UTF8, CODEC_NOT_JSON (also for zero bytes). A byte order mark in front
 * of JSON is passed over, but stays in `text`. Of duplicate keys the last one counts, as in `JSON.parse`.
 */
export function decodeValue(value: Buffer, format: ValueFormat): Decoded | Fault {
  const text = decodeText(value);
  if (text instanceof Fault) return text;
  return format === 'text' ? { text, json: undefined } : parseText(text);
}

/** Fault: CODEC_NOT_UTF8. */
export function decodeText(value: Buffer): string | Fault {
  const text = value.toString('utf8');
  // Decoding puts U+FFFD for each wrong byte. Only then does the dearer check tell a wrong byte from a real U+FFFD.
  return text.includes(REPLACEMENT) && !isUtf8(value) ? NOT_UTF8 : text;
}

/** Fault: CODEC_NOT_JSON. */
export function parseText(text: string): Decoded | Fault {
  if (text === '') return EMPTY;
  try {
    return { text, json: JSON.parse(withoutByteOrderMark(text)) };
  } catch {
    // The parser's message quotes the value, so it is not carried on.
    return NOT_JSON;
  }
}

function withoutByteOrderMark(text: string): string {
  return text.charCodeAt(0) === BYTE_ORDER_MARK ? text.slice(1) : text;
}

/** What becomes of a record without value: nothing, a row of NULLs, or a dead letter (CODEC_TOMBSTONE). */
export function decodeTombstone(policy: TombstonePolicy): 'skip' | 'row' | Fault {
  if (policy === 'dead-letter') return TOMBSTONE;
  return policy === 'skip' ? 'skip' : 'row';
}

export function isJsonObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Whether `$rest` keeps the value: it is no JSON object, or has a top-level field that no column takes. */
export function hasRest(json: unknown, taken: ReadonlySet<string>): boolean {
  if (!isJsonObject(json)) return true;
  for (const key in json) if (!taken.has(key)) return true;
  return false;
}

/** UTF-8 has no lone surrogates, but JSON can write them (`"\ud800"`): each becomes U+FFFD. */
export function withoutLoneSurrogates(text: string): string {
  // The first pattern is the cheap one; it also finds the halves of good pairs.
  return /[\ud800-\udfff]/.test(text) ? text.replace(/\p{Surrogate}/gu, REPLACEMENT) : text;
}
