// What X says beside its answers: what time it is there, and how many requests are left.
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../pipeline/clock.ts';
import type { Log } from '../../pipeline/log.ts';

type Supply = 'plenty' | 'few' | 'none';

const FEW_SHARE = 0.1;

export class XAnswers {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #supplies = new Map<string, Supply>();
  #aheadMs = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Time of X, milliseconds since 1970; ours until it has answered. Never ahead of X's by more than drift, and behind it
   * by the way of the last answer: ids are made from it, and a clock of ours that is fast must not pass over posts.
   */
  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  /** `what` names the rate limit, such as "search". Logs it when it is first seen and when it changes its state. */
  heard(what: string, headers: IncomingHttpHeaders): void {
    const at = Date.parse(headers.date ?? '');
    if (!Number.isNaN(at)) this.#aheadMs = at - this.#clock.now();
    const [limit, remaining, reset] = ['limit', 'remaining', 'reset'].map((name) =>
      Number(headers[`x-rate-limit-${name}`] ?? Number.NaN),
    );
    if (limit === undefined || remaining === undefined || !Number.isFinite(limit + remaining))
      return;
    const supply = supplyOf(limit, remaining);
    if (supply === this.#supplies.get(what)) return;
    this.#supplies.set(what, supply);
    const until = resetTime(reset);
    const words = `X allows ${limit} requests for ${what}: ${remaining} left until ${until}`;
    if (supply === 'plenty') this.#log.info(words);
    else this.#log.warn(words);
  }
}

function supplyOf(limit: number, remaining: number): Supply {
  if (remaining === 0) return 'none';
  return remaining < limit * FEW_SHARE ? 'few' : 'plenty';
}

function resetTime(seconds: number | undefined): string {
  const at = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(at.getTime()) ? 'an unknown time' : at.toISOString();
}
