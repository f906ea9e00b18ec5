// Counts alerts in sliding windows of event time: five minutes long, a new one every minute. Pure; what time has passed is
// decided by whoever calls.

/** A window holds the event times `[start, end)`; starts and ends are whole minutes since 1970. */
export const WINDOW_MS = 5 * 60_000;
export const SLIDE_MS = 60_000;

/** An alert as it is counted: under the higher of its two levels. */
export interface CountedAlert {
  readonly country: string;
  readonly level: 1 | 2;
  /** Whether the wind, or the heat, has that level. At least one has. */
  readonly wind: boolean;
  readonly heat: boolean;
}

/** How many alerts of one country and level a window holds; never 0. */
export interface WindowCount {
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly country: string;
  readonly level: 1 | 2;
  readonly count: number;
  /** Of `count`, those whose wind has that level; and those whose heat has. An alert may be both. */
  readonly wind: number;
  readonly heat: number;
}

interface Tally {
  count: number;
  wind: number;
  heat: number;
}

/** The end of the first window that holds `time`. */
export function firstEnd(time: number): number {
  return Math.floor(time / SLIDE_MS) * SLIDE_MS + SLIDE_MS;
}

/** The end of the last window that holds `time`. */
export function lastEnd(time: number): number {
  return firstEnd(time) + WINDOW_MS - SLIDE_MS;
}

/** The windows that are open. The order in which alerts are added makes no difference. */
export class SlidingWindows {
  /** By the end of the window, then by level and country. */
  readonly #open = new Map<number, Map<string, Tally>>();

  /**
   * Counts `alert` in the windows that hold `time` and end after `closed`; returns how many of its windows end before, and
   * do without it.
   */
  add(alert: CountedAlert, time: number, closed: number): number {
    let missed = 0;
    for (let end = firstEnd(time); end <= lastEnd(time); end += SLIDE_MS) {
      if (end <= closed) missed += 1;
      else this.#count(alert, end);
    }
    return missed;
  }

  /** Takes out the windows that end at `until` or before, oldest first, within one by country and level. */
  close(until: number): WindowCount[] {
    const ends = [...this.#open.keys()].filter((end) => end <= until).sort((a, b) => a - b);
    return ends.flatMap((end) => {
      const tallies = this.#open.get(end) ?? new Map<string, Tally>();
      this.#open.delete(end);
      return [...tallies]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, tally]) => ({ start: end - WINDOW_MS, end, ...parts(key), ...tally }));
    });
  }

  #count({ country, level, wind, heat }: CountedAlert, end: number): void {
    const tallies = this.#open.get(end) ?? new Map<string, Tally>();
    this.#open.set(end, tallies);
    const key = `${country} ${level}`;
    const tally = tallies.get(key) ?? { count: 0, wind: 0, heat: 0 };
    tallies.set(key, tally);
    tally.count += 1;
    tally.wind += Number(wind);
    tally.heat += Number(heat);
  }
}

function parts(key: string): Pick<WindowCount, 'country' | 'level'> {
  const at = key.lastIndexOf(' ');
  return { country: key.slice(0, at), level: key.endsWith('2') ? 2 : 1 };
}
