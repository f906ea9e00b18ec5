// Saves what Kafka has acknowledged, about once a second and whenever it is asked for; one save at a time.
import type { Clock } from '../pipeline/clock.ts';
import { Stopping } from '../pipeline/errors.ts';
import { deferred } from '../pipeline/retry.ts';

const SAVE_EVERY_MS = 1000;

export class Saver<Point> {
  readonly #save: (point: Point) => Promise<void>;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  readonly #failure = deferred<never>();
  #next: { readonly point: Point } | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWaiting = false;

  constructor(save: (point: Point) => Promise<void>, clock: Clock) {
    this.#save = save;
    this.#clock = clock;
    this.#failure.promise.catch(() => {});
  }

  /** Rejects with what a save threw; never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** `point` is saved within a second, unless a newer one comes first. */
  put(point: Point): void {
    this.#next = { point };
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#clock.sleep(SAVE_EVERY_MS, this.#closed.signal).then(
      () => {
        this.#isWaiting = false;
        this.flush().catch(() => {});
      },
      () => {},
    );
  }

  /** Resolves when the newest point is saved. Throws what a save threw, now or earlier. */
  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    this.#writing.catch((error) => this.#failure.reject(error));
    return this.#writing;
  }

  /** Ends the waiting; `flush` before it. */
  close(): void {
    this.#closed.abort(new Stopping('nothing more is saved'));
  }

  async #write(): Promise<void> {
    const next = this.#next;
    this.#next = undefined;
    if (next) await this.#save(next.point);
  }
}
