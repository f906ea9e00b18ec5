// Reads a source and sends what it yields, in order, with one send in flight while the next one fills.
import type { Clock } from '../pipeline/clock.ts';
import { PipelineError, Stopping } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import type { OutgoingRecord } from '../pipeline/record.ts';
import { type Deferred, deferred, withRetry } from '../pipeline/retry.ts';
import type { Source, SourceRecord } from '../pipeline/source.ts';
import { OpenSend } from './open-send.ts';
import type { ChoosePartition } from './partition-rotation.ts';

/** Where records go: `KafkaSender`. Must recognise a repeated call with the same array. */
export interface Sender {
  /** Resolves with the number of records acknowledged per topic partition. */
  send(
    topic: string,
    records: readonly OutgoingRecord[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>>;
}

export interface PumpOptions {
  readonly topic: string;
  /** Records per send at most. */
  readonly sendSize: number;
  /** Bytes per send and topic partition at most; a send holds at least one record whatever its size. */
  readonly sendBytesMax: number;
  /** Milliseconds a part-filled send waits for more records. */
  readonly lingerMs: number;
  /** Stop after this many records; undefined reads to the end. */
  readonly maxMessages: number | undefined;
  /** Milliseconds a send is repeated while Kafka is away. */
  readonly retryMs: number;
  readonly choosePartition: ChoosePartition;
}

export interface PumpDeps {
  readonly sender: Sender;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts with `Stopping`: read no more, send what was read. */
  readonly signal: AbortSignal;
}

export interface PumpSummary<Cursor> {
  readonly read: number;
  readonly acknowledged: number;
  /** Acknowledged records by topic partition. */
  readonly byPartition: ReadonlyMap<number, number>;
  /** Resume point of the source after the last acknowledged record; undefined when there was none. */
  readonly cursor: Cursor | undefined;
}

const PROGRESS_MS = 10_000;
/** How long records that were read are still tried to be sent after the stop. */
const FLUSH_MS = 10_000;

/**
 * Returns when the source has ended, `maxMessages` were read or `signal` aborted, and every record that was read
 * is acknowledged. Throws what the source throws, but sends first what was read before; throws KAFKA_UNAVAILABLE
 * when a send fails for `retryMs`, saying how many records were read and not acknowledged.
 */
export async function pump<Cursor>(
  source: Source<Cursor>,
  after: Cursor | undefined,
  options: PumpOptions,
  deps: PumpDeps,
): Promise<PumpSummary<Cursor>> {
  return new Pump(source, options, deps).run(after);
}

class Pump<Cursor> {
  readonly #source: Source<Cursor>;
  readonly #options: PumpOptions;
  readonly #deps: PumpDeps;
  readonly #byPartition = new Map<number, number>();
  /** Aborts the source when sending has failed, or was told to stop. */
  readonly #stopReading = new AbortController();
  /** Aborts sending when the time to flush is over. */
  readonly #giveUp = new AbortController();
  #open: OpenSend<Cursor>;
  #news: Deferred<void> = deferred();
  #room: Deferred<void> = deferred();
  #ended = false;
  #failed = false;
  #read = 0;
  #acknowledged = 0;
  #cursor: Cursor | undefined;
  #progressAt: number;

  constructor(source: Source<Cursor>, options: PumpOptions, deps: PumpDeps) {
    this.#source = source;
    this.#options = options;
    this.#deps = deps;
    this.#open = this.#newSend();
    this.#progressAt = deps.clock.monotonic();
  }

  async run(after: Cursor | undefined): Promise<PumpSummary<Cursor>> {
    const { signal } = this.#deps;
    const onStop = () => this.#stop();
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    const sending = this.#sendAll().catch((error) => {
      this.#failed = true;
      this.#stopReading.abort(error);
      this.#room.resolve();
      throw error;
    });
    sending.catch(() => undefined);
    const reading = this.#readAll(after).finally(() => {
      this.#ended = true;
      this.#news.resolve();
    });
    try {
      // Sending ends after reading, and its failure ends the reading: both are awaited, its error comes first.
      const [read, sent] = await Promise.allSettled([reading, sending]);
      if (sent.status === 'rejected') throw sent.reason;
      if (read.status === 'rejected' && !(read.reason instanceof Stopping)) throw read.reason;
    } finally {
      signal.removeEventListener('abort', onStop);
      this.#stopReading.abort(new Stopping('the pump has ended'));
      this.#giveUp.abort(new Stopping('the pump has ended'));
    }
    return {
      read: this.#read,
      acknowledged: this.#acknowledged,
      byPartition: new Map([...this.#byPartition].sort(([a], [b]) => a - b)),
      cursor: this.#cursor,
    };
  }

  async #readAll(after: Cursor | undefined): Promise<void> {
    const { signal } = this.#stopReading;
    const { maxMessages = Number.POSITIVE_INFINITY } = this.#options;
    for await (const next of this.#source.read(after, signal)) {
      if (signal.aborted) break;
      await this.#add(next);
      if (signal.aborted || this.#read >= maxMessages) break;
    }
    signal.throwIfAborted();
  }

  /** Puts a record into the open send; waits while that is full and another one is in flight. */
  async #add(next: SourceRecord<Cursor>): Promise<void> {
    if (next.record === undefined) return this.#open.pass(next.cursor);
    const partition = next.record.partition ?? this.#options.choosePartition();
    const record = partition === undefined ? next.record : { ...next.record, partition };
    while (!this.#open.takes(record)) {
      this.#open.close();
      this.#news.resolve();
      this.#room = deferred();
      await this.#room.promise;
      // After a failed send there never is room again; what was read is told in its error.
      if (this.#failed) return;
    }
    this.#read += 1;
    if (this.#open.add(record, next.cursor, this.#deps.clock.monotonic())) this.#news.resolve();
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      const send = await this.#nextSend();
      if (!send) return;
      await this.#deliver(send);
    }
  }

  /** Takes the open send when it is full, old enough or the last one; undefined when nothing more comes. */
  async #nextSend(): Promise<OpenSend<Cursor> | undefined> {
    const { clock } = this.#deps;
    for (;;) {
      this.#news = deferred();
      const dueMs = this.#open.openedAt + this.#options.lingerMs - clock.monotonic();
      if (this.#open.count === 0) {
        if (this.#ended) return undefined;
        await this.#news.promise;
      } else if (this.#open.isFull || this.#ended || dueMs <= 0) {
        const taken = this.#open;
        this.#open = this.#newSend();
        this.#room.resolve();
        return taken;
      } else {
        const timer = new AbortController();
        const due = clock.sleep(dueMs, timer.signal).catch(() => undefined);
        await Promise.race([this.#news.promise, due]);
        timer.abort(new Stopping('news'));
      }
    }
  }

  async #deliver(send: OpenSend<Cursor>): Promise<void> {
    const { sender, clock, log } = this.#deps;
    const { topic, retryMs } = this.#options;
    const acknowledged = await withRetry(
      () => sender.send(topic, send.records, this.#giveUp.signal),
      { delayMs: 200, delayMsMax: 5000, deadlineMs: retryMs },
      clock,
      this.#giveUp.signal,
      { onRetry: (error, _, pauseMs) => log.warn(`${error.message}; again in ${pauseMs} ms`) },
    ).catch((error) => Promise.reject(this.#withLoss(error)));
    for (const [partition, count] of acknowledged) {
      this.#byPartition.set(partition, (this.#byPartition.get(partition) ?? 0) + count);
    }
    this.#acknowledged += send.count;
    this.#cursor = send.cursor;
    if (clock.monotonic() - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = clock.monotonic();
    log.info('sending', { topic, read: this.#read, acknowledged: this.#acknowledged });
  }

  /** The same error, saying what is not known to be in Kafka. */
  #withLoss(error: unknown): unknown {
    if (!(error instanceof PipelineError)) return error;
    const open = this.#read - this.#acknowledged;
    const message = `${error.message} (${this.#read} records read, ${open} of them not acknowledged)`;
    const context = { ...error.context, read: this.#read, acknowledged: this.#acknowledged };
    return new PipelineError(error.code, message, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      context,
      cause: error,
    });
  }

  #stop(): void {
    this.#stopReading.abort(this.#deps.signal.reason);
    const late = new PipelineError(
      'KAFKA_UNAVAILABLE',
      `Kafka did not acknowledge in ${FLUSH_MS / 1000} s what was read before the stop`,
      { hint: 'Send the rest again from the last acknowledged record.' },
    );
    this.#deps.clock.sleep(FLUSH_MS, this.#giveUp.signal).then(
      () => this.#giveUp.abort(late),
      () => undefined,
    );
  }

  #newSend(): OpenSend<Cursor> {
    return new OpenSend(this.#options.sendSize, this.#options.sendBytesMax);
  }
}
