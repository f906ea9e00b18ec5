// What both settings files are made of: names, whole numbers within bounds, units.
import { z } from 'zod';

export const name = z.string().min(1);
export const identifier = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'expected letters, digits and _');
export const topic = z
  .string()
  .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'expected 1 to 249 of a-z A-Z 0-9 . _ -');
/** One of `item`, or a list of them; always a list afterwards. keys.ts makes a JSON Schema of it that takes both. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  const list = z.array(item).min(1).meta({ oneOrMore: true });
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), list);
}
export const whole = (min: number, max: number) => z.int().min(min).max(max);

/** In bytes. */
export const MB = 1024 * 1024;

/** In milliseconds. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;
