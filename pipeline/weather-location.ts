// Where the records of a place lie: `<COUNTRY CODE>/<City-Name>`, safe as directory names whatever a record says.
import { createHash } from 'node:crypto';

export interface WeatherLocation {
  /** ISO 3166-1 alpha-2 in upper case, or UNKNOWN. */
  readonly country: string;
  /** Name of the directory: what `cityDirectory` gives. */
  readonly city: string;
}

export const UNKNOWN_COUNTRY = 'UNKNOWN';
export const UNKNOWN_CITY = 'Unknown-City';

const BYTES_MAX = 100;
const HASH_LENGTH = 10;

/** `FR/Paris`: the key of the record and the path below the base. */
export function formatLocation({ country, city }: WeatherLocation): string {
  return `${country}/${city}`;
}

/**
 * The directory of a city: its name in NFC, `-` for blanks and for all that is neither letter, digit, nor one of `.` `_` `'`
 * between them. At most 100 bytes of UTF-8; a name that is longer ends in a hash of the whole. Never empty, never beginning
 * with `.` or `_` (invisible to Hive, and ours), never with a `/` or `:` in it. Without a letter or digit: Unknown-City.
 */
export function cityDirectory(name: string | undefined): string {
  const whole = (name ?? '').normalize('NFC');
  // Characters beyond these could not be kept: a name of megabytes costs no more than its hash.
  const safe = joined(whole.slice(0, BYTES_MAX + 1));
  if (!/[\p{L}\p{N}]/u.test(safe))
    return whole.length > BYTES_MAX ? hashed('', whole) : UNKNOWN_CITY;
  const isWhole = whole.length <= BYTES_MAX && Buffer.byteLength(safe) <= BYTES_MAX;
  return isWhole ? safe : hashed(safe, whole);
}

function joined(text: string): string {
  // A mark with nothing before it, or a quote or dot at an end, is not part of a name.
  return text
    .replace(/[^\p{L}\p{M}\p{N}._']+/gu, '-')
    .replace(/-{2,}/g, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .replace(/[-._']+$/u, '');
}

function hashed(safe: string, whole: string): string {
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, HASH_LENGTH);
  const room = BYTES_MAX - HASH_LENGTH - 1;
  let kept = '';
  let bytes = 0;
  for (const character of safe) {
    bytes += Buffer.byteLength(character);
    if (bytes > room) break;
    kept += character;
  }
  return joined(`${kept || 'City'}-${hash}`);
}
