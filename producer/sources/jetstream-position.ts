// Where a reader of Jetstream stands, and from where it asks again. Times are those of one server: each stamps events
// itself, a few seconds apart from the others. Pure.

/** The newest event that was read, in the time of the host that sent it: microseconds since 1970. */
export interface JetstreamCursor {
  readonly host: string;
  readonly timeUs: number;
}

export interface Rewind {
  /** Milliseconds asked again from the same host: events are only roughly in the order of their times. */
  readonly sameHostMs: number;
  /** Milliseconds asked again from another host, whose clock and delay differ. */
  readonly otherHostMs: number;
}

export class JetstreamPosition {
  readonly #rewind: Rewind;
  #cursor: JetstreamCursor | undefined;
  #newestUs = 0;

  /** `after` undefined: from now on. */
  constructor(after: JetstreamCursor | undefined, rewind: Rewind) {
    this.#rewind = rewind;
    this.#cursor = after;
    this.#newestUs = after?.timeUs ?? 0;
  }

  /** Where to ask `host` from, in microseconds; undefined: from now on. */
  startAt(host: string): number | undefined {
    if (!this.#cursor) return undefined;
    const { sameHostMs, otherHostMs } = this.#rewind;
    const ms = host === this.#cursor.host ? sameHostMs : otherHostMs;
    return this.#cursor.timeUs - ms * 1000;
  }

  /**
   * The stretch that is missing, in microseconds, when a connection begins with an event of `timeUs`; undefined: nothing.
   * What is asked for includes the event read last. A server that begins behind it no longer had it.
   */
  missingBefore(timeUs: number): { readonly fromUs: number; readonly toUs: number } | undefined {
    const last = this.#cursor?.timeUs;
    return last === undefined || timeUs <= last ? undefined : { fromUs: last, toUs: timeUs };
  }

  /**
   * The cursor after an event. On one host it never goes back; on a new host it takes that host's time, for only there it
   * says what was read. `isNew`: the event is newer than all before, so it was not only asked again.
   */
  moveTo(
    host: string,
    timeUs: number,
  ): { readonly cursor: JetstreamCursor; readonly isNew: boolean } {
    const last = this.#cursor;
    const cursor = last?.host === host && timeUs <= last.timeUs ? last : { host, timeUs };
    const isNew = timeUs > this.#newestUs;
    if (isNew) this.#newestUs = timeUs;
    this.#cursor = cursor;
    return { cursor, isNew };
  }
}
