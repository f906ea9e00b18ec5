// Durations as a person types them: 30s, 10m, 1h.

const MINUTES: Readonly<Record<string, number>> = { ms: 1 / 60_000, s: 1 / 60, m: 1, h: 60 };

/** Minutes of `30s`, `10m`, `1.5h` or `500ms`; undefined for anything else, also for zero and for a bare number. */
export function durationMinutes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const minutes = Number(match?.[1]) * (MINUTES[match?.[2] ?? ''] ?? Number.NaN);
  return minutes > 0 ? minutes : undefined;
}
