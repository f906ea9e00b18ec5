// Reads metrics as Prometheus would, from the address a process told in its log.
import assert from 'node:assert/strict';
import type { CommandProcess } from './command-process.ts';

/** Samples by name and labels as they stand there: `kafka_hive_retries_total{step="placing",code="X"}`. */
export type Samples = ReadonlyMap<string, number>;

export function parseSamples(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The samples of a running command. Fails while it has not told where they are. */
export async function scrape(command: CommandProcess): Promise<Samples> {
  const url = command.field('url');
  assert.ok(url, command.told);
  const response = await fetch(url);
  assert.equal(response.status, 200);
  return parseSamples(await response.text());
}

/** The sum of a metric over its labels that begin as `name` does; 0 when there is none. */
export function total(samples: Samples, name: string): number {
  let sum = 0;
  for (const [sample, value] of samples) {
    if (sample === name || sample.startsWith(`${name}{`)) sum += value;
  }
  return sum;
}
