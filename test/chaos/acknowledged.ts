// What a producer of the chaos run was promised: a file with one line for each acknowledged send, holding the number of
// records acknowledged so far.
import { existsSync, readFileSync } from 'node:fs';

/** Every record of the producer below this number was acknowledged; 0 without a file. A line that was cut off does not count. */
export function acknowledgedEnd(file: string): number {
  if (!existsSync(file)) return 0;
  const whole = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return Number(whole.at(-1) ?? 0);
}
