// Points in time as text: ISO 8601 in, `yyyy-MM-dd HH:mm:ss.SSS[SSS]` (UTC) out. Years 0001 to 9999.

const MINUTE_MS = 60_000;
// Date.UTC takes years below 100 for 19xx.
const YEAR_1 = new Date(0).setUTCFullYear(1, 0, 1);
const YEAR_10000 = Date.UTC(10_000, 0, 1);

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?)?$/;

/**
 * What DuckDB casts to the same instant as `parseInstant`, told by one look: no offset (DuckDB's cast passes over it),
 * at most microseconds. A 29th of February is left to `parseInstant`.
 */
const PLAIN =
  /^(?!0000)\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z?$/;

export function isPlainInstant(text: string): boolean {
  return PLAIN.test(text);
}

/**
 * ISO 8601 (`T` or a space; `Z`, an offset, or none, which means UTC; a date alone is midnight) to canonical text;
 * undefined when it is none or lies outside the years 0001 to 9999. Digits beyond microseconds are cut off.
 */
export function parseInstant(text: string): string | undefined {
  const found = ISO.exec(text);
  if (!found) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = ''] = found;
  const [, , , , , , , , sign, offsetHour = '0', offsetMinute = '0'] = found;
  if (!isDate(Number(year), Number(month), Number(day))) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  const digits = fraction.padEnd(6, '0').slice(0, 6);
  const tail = digits.endsWith('000') ? digits.slice(0, 3) : digits;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? -1 : 1);
  if (offset === 0) return `${year}-${month}-${day} ${hour}:${minute}:${second}.${tail}`;
  const local = new Date(0).setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const time = (Number(hour) * 60 + Number(minute) - offset) * MINUTE_MS + Number(second) * 1000;
  const shifted = formatEpochMs(local + time);
  return shifted && shifted.slice(0, -3) + tail;
}

/** `yyyy-MM-dd HH:mm:ss.SSS` in UTC; undefined outside the years 0001 to 9999 or for a fraction. */
export function formatEpochMs(ms: number): string | undefined {
  if (!Number.isSafeInteger(ms) || ms < YEAR_1 || ms >= YEAR_10000) return undefined;
  const iso = new Date(ms).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
}

/** Whether `text` is `yyyy-MM-dd` and that day exists. */
export function isDay(text: string): boolean {
  return (
    /^\d{4}-\d\d-\d\d$/.test(text) &&
    isDate(Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8)))
  );
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(year: number, month: number, day: number): boolean {
  if (year < 1 || day < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= (month === 2 && isLeap ? 29 : (MONTH_DAYS[month - 1] ?? 0));
}
