// Remembers the ids seen last, so that posts that come twice are sent once.

export class RecentIds {
  readonly #max: number;
  readonly #ids = new Set<string>();

  /** `max`: ids remembered; the one not seen for longest is forgotten first: a quiet source may show its last posts for days. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** True the first time; false while `id` is remembered. */
  isNew(id: string): boolean {
    const isNew = !this.#ids.delete(id);
    this.#ids.add(id);
    if (this.#ids.size > this.#max) {
      const [oldest] = this.#ids;
      if (oldest !== undefined) this.#ids.delete(oldest);
    }
    return isNew;
  }
}
