// Start in order, stop in reverse, on signals. The first SIGINT or SIGTERM asks to end, the second ends at once.
import { type Clock, systemClock } from './clock.ts';
import { Stopping } from './errors.ts';
import type { Log } from './log.ts';

export interface Resource {
  readonly name: string;
  close(): Promise<void>;
}

/** Closes what was opened, last first, once. The first failure is thrown after all were tried. */
export class Lifecycle {
  readonly #resources: Resource[] = [];

  add<T extends { close(): Promise<void> }>(name: string, resource: T): T {
    this.#resources.push({ name, close: () => resource.close() });
    return resource;
  }

  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let next = this.#resources.pop(); next; next = this.#resources.pop()) {
      try {
        await next.close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** Exit code of a process that was told twice. */
export const EXIT_INTERRUPTED = 130;

/** `npm run` passes Ctrl-C on to what it runs, which got it from the terminal already: one press, two signals. */
const SAME_PRESS_MS = 500;

/** Aborts with `Stopping` on the first SIGINT, SIGTERM or SIGHUP; exits 130 on the second. */
export function stopOnSignals(announce: (message: string) => void): AbortController {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      if (systemClock.monotonic() - firstAt < SAME_PRESS_MS) return;
      process.exit(EXIT_INTERRUPTED);
    }
    firstAt = systemClock.monotonic();
    announce(`${name}: finishing the open batch; once more to leave at once`);
    controller.abort(new Stopping(name));
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
  return controller;
}

/** What every command gets besides its settings. */
export interface CommandDeps {
  /** Standard error: what a person or a log collector reads. */
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts with `Stopping`: finish the open batch, close, return. */
  readonly signal: AbortSignal;
  /** One line of data on standard output. */
  readonly out: (line: string) => void;
}
