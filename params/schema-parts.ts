// What both settings files are made of: names, whole numbers within bounds, units.
import { z } from 'zod';

export const name = z.string().min(1);
export const whole = (min: number, max: number) => z.int().min(min).max(max);

/** In milliseconds. */
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const DAY = 24 * 60 * MINUTE;
