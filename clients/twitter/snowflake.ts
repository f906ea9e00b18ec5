// Ids of posts hold the time they were made at, so an id is also a place in time. Pure.

/** What X counts from: milliseconds since 1970. */
const EPOCH_MS = 1_288_834_974_657;
const BELOW_TIME_BITS = 22n;

/** The smallest id a post of this time (milliseconds since 1970) can have; 0 for times before X counted. */
export function idAt(ms: number): bigint {
  return BigInt(Math.max(0, Math.floor(ms) - EPOCH_MS)) << BELOW_TIME_BITS;
}

/** When the post with this id was made: milliseconds since 1970. */
export function timeOf(id: bigint): number {
  return Number(id >> BELOW_TIME_BITS) + EPOCH_MS;
}

/** Undefined for anything that is no id of a post. */
export function parseId(value: unknown): bigint | undefined {
  return typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined;
}
