// Repeats a step with growing pauses until a deadline. Only errors that say that a retry may help are repeated.
import type { Clock } from './clock.ts';
import { PipelineError } from './errors.ts';

export interface RetryPolicy {
  /** First pause in milliseconds; doubles each time, with up to 20 % of random spread. */
  readonly delayMs: number;
  readonly delayMsMax: number;
  /** Milliseconds after the first attempt from which on no new attempt is made. */
  readonly deadlineMs: number;
}

export interface RetryHooks {
  /** Told before each pause; for logs and metrics. */
  readonly onRetry?: (error: PipelineError, attempt: number, pauseMs: number) => void;
}

export function isRetriable(error: unknown): error is PipelineError {
  return error instanceof PipelineError && error.retry !== 'never';
}

/** Runs `step` until it succeeds, fails for good, the deadline passes (then: the last error) or `signal` aborts. */
export async function withRetry<T>(
  step: (attempt: number) => Promise<T>,
  policy: RetryPolicy,
  clock: Clock,
  signal: AbortSignal,
  hooks: RetryHooks = {},
): Promise<T> {
  const began = clock.monotonic();
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    try {
      return await step(attempt);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (!isRetriable(error)) throw error;
      const base = Math.min(policy.delayMs * 2 ** Math.min(attempt - 1, 30), policy.delayMsMax);
      const pauseMs = Math.round(base * (1 + Math.random() * 0.2));
      if (clock.monotonic() - began + pauseMs > policy.deadlineMs) throw error;
      hooks.onRetry?.(error, attempt, pauseMs);
      await clock.sleep(pauseMs, signal);
    }
  }
}

/** Rejects with `error()` when `promise` takes longer than `ms`, and with `signal.reason` when aborted. */
export async function withTimeout<T>(
  promise: Promise<T>,
  ms: number,
  error: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  const { promise: cut, reject } = deferred<never>();
  const timer = setTimeout(() => reject(error()), ms);
  const onAbort = () => reject(signal?.reason);
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, cut]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** A promise with its handles (Node 20 has no Promise.withResolvers). */
export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
