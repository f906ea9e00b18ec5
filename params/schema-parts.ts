// What both settings files are made of: names, whole numbers within bounds, units.
import { z } from 'zod';

export const name = z.string().min(1);
/** One of `item`, or a list of them; always a list afterwards. keys.ts makes a JSON Schema of it that takes both. */
export function oneOrMore<T extends z.ZodType>(item: T) {
  const list = z.array(item).min(1).meta({ oneOrMore: true });
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), list);
}
export const whole = (min: number, max: number) => z.int().min(min).max(max);

/** In milliseconds. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;
