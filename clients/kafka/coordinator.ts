// Whether a coordinator is missing for good. kafkajs says the same when the right to ask for it is missing and when the
// connection broke, or nobody answered, while it asked; usually only the former is still so a moment later.
import { systemClock } from '../../pipeline/clock.ts';
import { hasName } from './errors.ts';

/** How often in a row it must have been missing. */
export const COORDINATOR_ATTEMPTS = 3;
const PAUSE_MS = 500;

export function isCoordinatorMissing(error: unknown): boolean {
  return hasName(error, 'KafkaJSGroupCoordinatorNotFound');
}

/** Calls `ask`, again while it fails for the want of a coordinator. Throws what the last call throws, or `signal.reason`. */
export async function askCoordinator<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isCoordinatorMissing(error) || attempt === COORDINATOR_ATTEMPTS) throw error;
      await systemClock.sleep(PAUSE_MS, signal);
    }
  }
}
