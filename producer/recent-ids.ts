// Remembers the ids seen last, so that posts that come twice are sent once.

export class RecentIds {
  readonly #max: number;
  readonly #ids = new Set<string>();

  /** `max`: ids remembered; the one seen first is forgotten first. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** True the first time; false while `id` is remembered. */
  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#max) {
      const [oldest] = this.#ids;
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
    return true;
  }
}
