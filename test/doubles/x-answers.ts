// How the X double answers: JSON, problems in X's words, its own time, and rate limits with their reset.
import type { ServerResponse } from 'node:http';

export interface XRefusal {
  readonly status: number;
  readonly title?: string;
  readonly detail?: string;
  /** Until the window of the rate limit ends. */
  readonly resetInMs?: number;
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

export function problem(
  response: ServerResponse,
  { status, title = 'Trouble', detail = 'made by the double' }: XRefusal,
  more: Readonly<Record<string, unknown>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ title, detail, status, type: 'about:blank', ...more }));
}

/** Requests allowed in each stretch of 15 minutes. */
export class RateWindow {
  readonly #limit: number;
  readonly #now: () => number;
  #used = 0;
  #endsMs = 0;

  constructor(limit: number, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Counts a request and says so in the headers. False: it is one too many. */
  take(response: ServerResponse): boolean {
    if (this.#now() >= this.#endsMs) {
      this.#endsMs = this.#now() + 15 * 60_000;
      this.#used = 0;
    }
    this.#used += 1;
    this.tell(response, Math.max(0, this.#limit - this.#used), this.#endsMs);
    return this.#used <= this.#limit;
  }

  tell(response: ServerResponse, remaining: number, endsMs: number): void {
    response.setHeader('x-rate-limit-limit', String(this.#limit));
    response.setHeader('x-rate-limit-remaining', String(remaining));
    response.setHeader('x-rate-limit-reset', String(Math.ceil(endsMs / 1000)));
  }
}
