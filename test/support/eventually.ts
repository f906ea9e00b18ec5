// Waits for an event, never for a time.
import { setTimeout as delay } from 'node:timers/promises';

/** Repeats `probe` until it returns without throwing; after `withinMs` its last error is thrown. */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  withinMs = 60_000,
  everyMs = 50,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(everyMs);
    }
  }
}
