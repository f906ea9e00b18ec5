// What the refusal of an HTTP service means for a source: for good or for now, and how long to stay away.
import { PipelineError } from '../../pipeline/errors.ts';

/** Value of a header by its lower-case name. */
export type HeaderOf = (name: string) => string | null | undefined;

export interface Refusal {
  /** Completes "cannot ...": what was asked, of whom. */
  readonly doing: string;
  readonly status: number;
  readonly header: HeaderOf;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** What the reader should do when the service refuses for good. */
  readonly hint: string;
}

/** Status codes of the 4xx family that may be different next time. */
const PASSING = new Set([408, 425, 429]);

/**
 * SOURCE_REJECTED for an answer that will stay as it is (4xx), else SOURCE_UNAVAILABLE. `context.notBeforeMs`: milliseconds
 * since 1970 before which the service will refuse again, when it says so.
 */
export function refusal({ doing, status, header, nowMs, hint }: Refusal): PipelineError {
  const isFinal = status >= 400 && status < 500 && !PASSING.has(status);
  return new PipelineError(
    isFinal ? 'SOURCE_REJECTED' : 'SOURCE_UNAVAILABLE',
    `cannot ${doing}: the server answered ${status}`,
    {
      hint: isFinal ? hint : 'The server is busy or has a problem of its own; it is tried again.',
      context: { status, notBeforeMs: notBefore(header, nowMs) },
    },
  );
}

/**
 * Milliseconds since 1970 from `Retry-After` (seconds or a date) or from the end of the rate limit's window (seconds since
 * 1970 or a date); undefined when none can be read.
 */
export function notBefore(header: HeaderOf, nowMs: number): number | undefined {
  const after = header('retry-after');
  if (after && /^\d+$/.test(after)) return nowMs + Number(after) * 1000;
  const reset = after ?? header('x-ratelimit-reset') ?? header('ratelimit-reset');
  if (!reset) return undefined;
  const at = /^\d+$/.test(reset) ? Number(reset) * 1000 : Date.parse(reset);
  return Number.isNaN(at) ? undefined : at;
}
