// What `consumer.from` may say: read here once, for the check of the settings and for the consumer.

export type StartPoint =
  | { readonly kind: 'stored' | 'beginning' | 'end' }
  | { readonly kind: 'offset'; readonly offset: bigint }
  /** By partition; one that is not named starts at the beginning. */
  | { readonly kind: 'offsets'; readonly offsets: ReadonlyMap<number, bigint> }
  /** Milliseconds since 1970. */
  | { readonly kind: 'time'; readonly ms: number }
  /** Milliseconds before the start of the process. */
  | { readonly kind: 'ago'; readonly ms: number };

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const EXPECTED =
  'expected stored, beginning, end, an offset, partition:offset,..., an ISO time or -2h';

/**
 * `stored`, `beginning`, `end`, an offset, `partition:offset,...`, a span such as `-2h`, or an ISO time: with a zone, or a day
 * alone, which begins at midnight UTC. What is wrong, as a text, for anything else.
 */
export function parseStartPoint(text: string): StartPoint | string {
  if (text === 'stored' || text === 'beginning' || text === 'end') return { kind: text };
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: BigInt(text) };
  if (/^\d+:\d+(,\d+:\d+)*$/.test(text)) return parseOffsets(text);
  const [, count, unit] = /^-(\d+)([smhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) {
    return { kind: 'ago', ms: Number(count) * (UNIT_MS[unit] ?? 0) };
  }
  return /^\d{4}-/.test(text) ? parseTime(text) : EXPECTED;
}

function parseOffsets(text: string): StartPoint | string {
  const pairs = text.split(',').map((pair): [number, bigint] => {
    const [partition = '', offset = ''] = pair.split(':');
    return [Number(partition), BigInt(offset)];
  });
  const offsets = new Map(pairs);
  return offsets.size < pairs.length
    ? 'a partition stands there twice'
    : { kind: 'offsets', offsets };
}

function parseTime(text: string): StartPoint | string {
  const [, day = '', clock, zone] =
    /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text) ??
    [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const ms = Date.parse(text);
  // Date.parse takes 30 February for 2 March.
  const isDay = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day);
  if (Number.isNaN(ms) || !isDay) return 'expected an ISO time such as 2026-11-21T10:00:00Z';
  // Without a zone it would be another moment on each machine.
  if (clock !== undefined && zone === undefined) {
    return `a time needs its zone: ${text}Z or ${text}+01:00`;
  }
  return { kind: 'time', ms };
}
