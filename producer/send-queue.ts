// Between reading and sending: one send fills while another one is in flight. Whoever fills waits for room.
import type { Clock } from '../pipeline/clock.ts';
import { Stopping } from '../pipeline/errors.ts';
import type { OutgoingRecord } from '../pipeline/record.ts';
import { type Deferred, deferred } from '../pipeline/retry.ts';
import { OpenSend } from './open-send.ts';

export interface SendLimits {
  /** Records per send at most. */
  readonly sendSize: number;
  /** Bytes per send and topic partition at most; a send holds at least one record whatever its size. */
  readonly sendBytesMax: number;
  /** Milliseconds a part-filled send waits for more records. */
  readonly lingerMs: number;
}

export class SendQueue<Cursor> {
  readonly #limits: SendLimits;
  readonly #clock: Clock;
  #open: OpenSend<Cursor>;
  #isSending = false;
  #hasEnded = false;
  #hasFailed = false;
  #news: Deferred<void> = deferred();
  #room: Deferred<void> = deferred();
  #delivered: Deferred<void> = deferred();

  constructor(limits: SendLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#open = this.#newSend();
  }

  /** Puts a record into the open send; waits while that is full and another one is in flight. False: sending has failed. */
  async add(record: OutgoingRecord, cursor: Cursor): Promise<boolean> {
    while (!this.#hasFailed && !this.#open.takes(record)) {
      this.#closeOpen();
      this.#room = deferred();
      await this.#room.promise;
    }
    if (this.#hasFailed) return false;
    if (this.#open.add(record, cursor, this.#clock.monotonic())) this.#news.resolve();
    return true;
  }

  /** Only the cursor moved on. */
  pass(cursor: Cursor): void {
    if (this.#open.pass(cursor, this.#clock.monotonic())) this.#news.resolve();
  }

  /** Resolves when everything that was put in is delivered. False: sending has failed. */
  async drained(): Promise<boolean> {
    while ((this.#isSending || !this.#open.isEmpty) && !this.#hasFailed) {
      this.#closeOpen();
      this.#delivered = deferred();
      await this.#delivered.promise;
    }
    return !this.#hasFailed;
  }

  /** Nothing more comes. */
  end(): void {
    this.#hasEnded = true;
    this.#news.resolve();
  }

  /** Hands each send to `deliver`, one after another, when it is full, old enough or the last one. */
  async deliverAll(deliver: (send: OpenSend<Cursor>) => Promise<void>): Promise<void> {
    try {
      for (;;) {
        const send = await this.#take();
        if (!send) return;
        await deliver(send);
        this.#isSending = false;
        this.#delivered.resolve();
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#room.resolve();
      this.#delivered.resolve();
      throw error;
    }
  }

  async #take(): Promise<OpenSend<Cursor> | undefined> {
    for (;;) {
      this.#news = deferred();
      const dueMs = this.#open.openedAt + this.#limits.lingerMs - this.#clock.monotonic();
      if (this.#open.isEmpty) {
        if (this.#hasEnded) return undefined;
        await this.#news.promise;
      } else if (this.#open.isFull || this.#hasEnded || dueMs <= 0) {
        const taken = this.#open;
        this.#open = this.#newSend();
        // From this moment on: nobody may find the queue drained between the taking and the sending.
        this.#isSending = true;
        this.#room.resolve();
        return taken;
      } else {
        const timer = new AbortController();
        const due = this.#clock.sleep(dueMs, timer.signal).catch(() => undefined);
        await Promise.race([this.#news.promise, due]);
        timer.abort(new Stopping('news'));
      }
    }
  }

  #closeOpen(): void {
    this.#open.close();
    this.#news.resolve();
  }

  #newSend(): OpenSend<Cursor> {
    return new OpenSend(this.#limits.sendSize, this.#limits.sendBytesMax);
  }
}
