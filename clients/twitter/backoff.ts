// How long X asks clients to wait before they connect again. Pure: the caller sleeps.

/** Below HTTP; an HTTP error; or too many requests. */
export type FailureKind = 'network' | 'http' | 'rate-limit';

const NETWORK_STEP_MS = 250;
const NETWORK_MAX_MS = 16_000;
const HTTP_FIRST_MS = 5_000;
const HTTP_MAX_MS = 320_000;
const RATE_LIMIT_FIRST_MS = 60_000;
/** Windows of X's rate limits are as long: what tells a later end is wrong, or is asked again then. */
const RATE_LIMIT_MAX_MS = 15 * 60_000;

/** Counts failures of one kind in a row; another kind starts anew. */
export class ReconnectBackoff {
  #kind: FailureKind | undefined;
  #count = 0;

  /**
   * Milliseconds to wait after a failure: at most 15 minutes, and until then never less than until `resetAtMs`. Both times in
   * milliseconds since 1970, by the clock of X.
   */
  pauseAfter(kind: FailureKind, nowMs: number, resetAtMs = nowMs): number {
    this.#count = kind === this.#kind ? this.#count + 1 : 1;
    this.#kind = kind;
    const resetMs = Math.min(resetAtMs - nowMs, RATE_LIMIT_MAX_MS);
    return Math.max(pauseOf(kind, this.#count), resetMs);
  }

  /** Call when the connection has proved itself by a post or a keep-alive, not when it merely opened. */
  reset(): void {
    this.#kind = undefined;
    this.#count = 0;
  }
}

function pauseOf(kind: FailureKind, count: number): number {
  const doubled = 2 ** Math.min(count - 1, 20);
  if (kind === 'network') return Math.min(NETWORK_STEP_MS * count, NETWORK_MAX_MS);
  if (kind === 'http') return Math.min(HTTP_FIRST_MS * doubled, HTTP_MAX_MS);
  return Math.min(RATE_LIMIT_FIRST_MS * doubled, RATE_LIMIT_MAX_MS);
}
