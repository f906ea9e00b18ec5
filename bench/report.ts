// What a bench prints: one JSON object a line, or a table; medians with the spread over the rounds.
import type { Measured } from './contender.ts';

export interface Line {
  readonly case: string;
  readonly contender: string;
  readonly rounds: number;
  readonly rows_per_s: number;
  /** Lowest and highest round. */
  readonly rows_per_s_spread: readonly [number, number];
  readonly cpu_s_per_million: number;
  readonly rss_mb: number;
  /** Median over the rounds of our rate against the first contender's in the same round. */
  readonly ratio: number;
  readonly [extra: string]: unknown;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const rate = ({ records, ms }: Measured) => (records * 1000) / ms;

/** One line for `contender`; `baseline` holds the same rounds of the contender it is compared with. */
export function summarise(
  name: string,
  contender: string,
  rounds: readonly Measured[],
  baseline: readonly Measured[],
  extra: Readonly<Record<string, unknown>> = {},
): Line {
  const rates = rounds.map(rate);
  const ratios = rounds.map((one, index) => rate(one) / rate(baseline[index] ?? one));
  return {
    case: name,
    contender,
    rounds: rounds.length,
    rows_per_s: Math.round(median(rates)),
    rows_per_s_spread: [Math.round(Math.min(...rates)), Math.round(Math.max(...rates))],
    cpu_s_per_million: Number(median(rounds.map((r) => (r.cpuMs * 1000) / r.records)).toFixed(2)),
    rss_mb: Math.round(Math.max(...rounds.map((r) => r.rssMb))),
    ratio: Number(median(ratios).toFixed(3)),
    ...extra,
  };
}
