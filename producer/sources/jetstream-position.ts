// How far a reader of Jetstream has come on each host, and from where it asks again. Every host stamps events itself, a few
// seconds apart from the others, so a time means something on its own host only. Pure.

/** The newest event read on each host, in its own time: microseconds since 1970. Everything before it was read. */
export interface JetstreamCursor {
  readonly hosts: Readonly<Record<string, number>>;
}

export interface Rewind {
  /** Milliseconds asked again from the same host: events are only roughly in the order of their times. */
  readonly sameHostMs: number;
  /** Milliseconds asked again when the time is that of another host, whose clock and delay differ. */
  readonly otherHostMs: number;
}

interface Start {
  /** Microseconds since 1970 to ask from. */
  readonly fromUs: number;
  /** An event of this time or an earlier one must come first, or something is missing. */
  readonly firstUsMax: number;
  /** What was read last, by the host that leads to this start. */
  readonly lastUs: number;
}

export class JetstreamPosition {
  readonly #rewind: Rewind;
  #cursor: JetstreamCursor;

  /** `after` undefined: from now on. */
  constructor(after: JetstreamCursor | undefined, rewind: Rewind) {
    this.#rewind = rewind;
    this.#cursor = after ?? { hosts: {} };
  }

  get cursor(): JetstreamCursor {
    return this.#cursor;
  }

  /** Where to ask `host` from, in microseconds; undefined: from now on. */
  startAt(host: string): number | undefined {
    return this.#startOn(host)?.fromUs;
  }

  /**
   * The stretch that is missing, in microseconds, when a connection to `host` begins with an event of `timeUs`; undefined:
   * nothing. What is asked for includes the event read last: a server that begins behind it no longer had it. Of another
   * host's event only the rough time is known, so a short stretch stays unnoticed there.
   */
  missingBefore(
    host: string,
    timeUs: number,
  ): { readonly fromUs: number; readonly toUs: number } | undefined {
    const start = this.#startOn(host);
    if (!start || timeUs <= start.firstUsMax) return undefined;
    return { fromUs: start.lastUs, toUs: timeUs };
  }

  /** Moves on to an event; never back. True when the cursor is another one than before. */
  moveTo(host: string, timeUs: number): boolean {
    if (timeUs <= (this.#cursor.hosts[host] ?? 0)) return false;
    this.#cursor = { hosts: { ...this.#cursor.hosts, [host]: timeUs } };
    return true;
  }

  /** Each host gives a start behind which nothing is missing; the latest one reads least again. */
  #startOn(host: string): Start | undefined {
    const { sameHostMs, otherHostMs } = this.#rewind;
    const starts = Object.entries(this.#cursor.hosts).map(([known, lastUs]) =>
      known === host
        ? { fromUs: lastUs - sameHostMs * 1000, firstUsMax: lastUs, lastUs }
        : { fromUs: lastUs - otherHostMs * 1000, firstUsMax: lastUs + otherHostMs * 1000, lastUs },
    );
    return starts.sort((a, b) => b.fromUs - a.fromUs)[0];
  }
}
