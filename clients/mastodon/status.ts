// A status as Mastodon and its relatives send it, and the order of their ids.

/** Only what we use; anything else, and anything optional, may be missing or of another type. */
export interface Status {
  /** Of this server; other servers number the same post otherwise. */
  readonly id: string;
  /** The same on every server. */
  readonly uri: string;
  /** HTML. */
  readonly content: string;
  readonly url?: unknown;
  readonly language?: unknown;
  readonly created_at?: unknown;
  readonly account?: unknown;
  readonly tags?: unknown;
}

const DAY_MS = 24 * 60 * 60_000;

/** Undefined: no status. */
export function statusIn(value: unknown): Status | undefined {
  const { id, uri, content } = Object(value) as Partial<Status>;
  const isStatus = typeof id === 'string' && typeof uri === 'string' && typeof content === 'string';
  return isStatus ? (value as Status) : undefined;
}

/** Ids of Mastodon are numbers above 2^53 that grow, those of its relatives text that grows: longer is newer. */
export function isNewer(id: string, than: string): boolean {
  return id.length === than.length ? id > than : id.length > than.length;
}

/** The older of `id` and the first id of the time `ms` (milliseconds since 1970); ids that hold no time stay as they are. */
export function olderOf(id: string, ms: number): string {
  // Of relatives that count from another year: in days it would still be the future.
  if (!holdsTime(id) || Number(BigInt(id) >> 16n) > ms + DAY_MS) return id;
  const first = String(BigInt(Math.max(0, ms)) << 16n);
  return isNewer(id, first) ? first : id;
}

/** The id of `ms` milliseconds before `id`: Mastodon's hold the time in their upper bits. Others stay as they are. */
export function earlierId(id: string, ms: number): string {
  if (!holdsTime(id)) return id;
  const timeMs = (BigInt(id) >> 16n) - BigInt(ms);
  return String((timeMs > 0n ? timeMs : 0n) << 16n);
}

function holdsTime(id: string): boolean {
  return /^\d{15,20}$/.test(id);
}
