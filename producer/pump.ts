// Reads a source and sends what it yields, in order, with one send in flight while the next one fills; what was sent is
// saved, repetitions are left out.
import type { Clock } from '../pipeline/clock.ts';
import { PipelineError, Stopping } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import type { ProducerObserver } from '../pipeline/observer.ts';
import type { OutgoingRecord } from '../pipeline/record.ts';
import { withRetry } from '../pipeline/retry.ts';
import type { Source, SourceRecord } from '../pipeline/source.ts';
import type { OpenSend } from './open-send.ts';
import type { Rotation } from './partition-rotation.ts';
import type { RecentIds } from './recent-ids.ts';
import { Saver } from './saver.ts';
import { type SendLimits, SendQueue } from './send-queue.ts';

/** Where records go: `KafkaSender`. Must recognise a repeated call with the same array. */
export interface Sender {
  /** Resolves with the number of records acknowledged per topic partition. */
  send(
    topic: string,
    records: readonly OutgoingRecord[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, number>>;
}

export interface PumpOptions extends SendLimits {
  readonly topic: string;
  /** Stop after this many records; undefined reads to the end. */
  readonly maxMessages: number | undefined;
  /** Milliseconds a send is repeated while Kafka is away. */
  readonly retryMs: number;
}

export interface PumpDeps<Cursor> {
  readonly sender: Sender;
  readonly rotation: Rotation;
  /** Ids of what is in the topic already; asked for once, when the first record with an id comes. */
  readonly recentIds: (signal: AbortSignal) => Promise<RecentIds>;
  /** Makes the resume point durable, and the state of the rotation with it. Undefined: nothing is acknowledged yet. */
  readonly save: (cursor: Cursor | undefined) => Promise<void>;
  /** Told after each switch of the rotation. */
  readonly onTurn: () => void;
  readonly observer?: ProducerObserver | undefined;
  readonly log: Log;
  readonly clock: Clock;
  /** Aborts with `Stopping`: read no more, send what was read. */
  readonly signal: AbortSignal;
}

export interface PumpSummary<Cursor> {
  readonly read: number;
  readonly acknowledged: number;
  /** Left out because a record with the same id was sent before; not part of `read`. */
  readonly repeated: number;
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
 * is acknowledged and its cursor saved. Throws what the source or `save` throws, but sends first what was read before;
 * throws KAFKA_UNAVAILABLE when a send fails for `retryMs`, saying how many records were read and not acknowledged.
 *
 * A switch of the rotation waits until all that was read is acknowledged and saved, and after a resume for the first save:
 * so what is sent again after a crash goes to the partition it went to before.
 */
export async function pump<Cursor>(
  source: Source<Cursor>,
  after: Cursor | undefined,
  options: PumpOptions,
  deps: PumpDeps<Cursor>,
): Promise<PumpSummary<Cursor>> {
  return new Pump(source, after, options, deps).run();
}

class Pump<Cursor> {
  readonly #source: Source<Cursor>;
  readonly #options: PumpOptions;
  readonly #deps: PumpDeps<Cursor>;
  readonly #queue: SendQueue<Cursor>;
  readonly #saver: Saver<Cursor | undefined>;
  readonly #byPartition = new Map<number, number>();
  /** Aborts the source when sending or saving has failed, or was told to stop. */
  readonly #stopReading = new AbortController();
  /** Aborts sending when the time to flush is over. */
  readonly #giveUp = new AbortController();
  #mayTurn: boolean;
  #recentIds: RecentIds | undefined;
  /** Number of the newest record that nobody will recognise when it is sent again; the first one is 1. */
  #unknownAt = 0;
  #read = 0;
  #acknowledged = 0;
  #repeated = 0;
  #cursor: Cursor | undefined;
  #progressAt: number;

  constructor(
    source: Source<Cursor>,
    after: Cursor | undefined,
    options: PumpOptions,
    deps: PumpDeps<Cursor>,
  ) {
    this.#source = source;
    this.#options = options;
    this.#deps = deps;
    this.#queue = new SendQueue(options, deps.clock);
    this.#cursor = after;
    this.#mayTurn = after === undefined;
    this.#progressAt = deps.clock.monotonic();
    const save = async (cursor: Cursor | undefined) => {
      await deps.save(cursor);
      this.#mayTurn = true;
    };
    this.#saver = new Saver(save, deps.clock);
    this.#saver.failed.catch((error) => this.#stopReading.abort(error));
  }

  async run(): Promise<PumpSummary<Cursor>> {
    const { signal } = this.#deps;
    const onStop = () => this.#stop();
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
    const sending = this.#queue.deliverAll((send) => this.#deliver(send));
    sending.catch((error) => this.#stopReading.abort(error));
    const reading = this.#readAll().finally(() => this.#queue.end());
    try {
      // Sending ends after reading, and its failure ends the reading: all are awaited, its error comes first.
      const [read, sent] = await Promise.allSettled([reading, sending]);
      // Also where nothing was sent: the time spent on the partition is part of it.
      this.#saver.put(this.#cursor);
      const [saved] = await Promise.allSettled([this.#saver.flush()]);
      if (sent.status === 'rejected') throw sent.reason;
      if (saved.status === 'rejected') throw saved.reason;
      if (read.status === 'rejected' && !(read.reason instanceof Stopping)) throw read.reason;
    } finally {
      signal.removeEventListener('abort', onStop);
      this.#saver.close();
      this.#stopReading.abort(new Stopping('the pump has ended'));
      this.#giveUp.abort(new Stopping('the pump has ended'));
    }
    return {
      read: this.#read,
      acknowledged: this.#acknowledged,
      repeated: this.#repeated,
      byPartition: new Map([...this.#byPartition].sort(([a], [b]) => a - b)),
      cursor: this.#cursor,
    };
  }

  async #readAll(): Promise<void> {
    const { signal } = this.#stopReading;
    const { maxMessages = Number.POSITIVE_INFINITY } = this.#options;
    for await (const next of this.#source.read(this.#cursor, signal)) {
      if (signal.aborted) break;
      await this.#add(next);
      if (signal.aborted || this.#read >= maxMessages) break;
    }
    signal.throwIfAborted();
  }

  async #add({ record, cursor, id, saveFirst }: SourceRecord<Cursor>): Promise<void> {
    if (record === undefined || (await this.#isRepeated(id))) {
      this.#queue.pass(cursor);
      // A failure of the save ends the reading.
      if (saveFirst && (await this.#queue.drained())) await this.#saver.flush().catch(() => {});
      return;
    }
    const partition = record.partition ?? (await this.#partition());
    const placed = partition === undefined ? record : { ...record, partition };
    if (id === undefined) this.#unknownAt = this.#read + 1;
    if (await this.#queue.add(placed, cursor)) this.#read += 1;
  }

  async #isRepeated(id: string | undefined): Promise<boolean> {
    if (id === undefined) return false;
    this.#recentIds ??= await this.#deps.recentIds(this.#stopReading.signal);
    if (this.#recentIds.isNew(id)) return false;
    this.#repeated += 1;
    return true;
  }

  async #partition(): Promise<number | undefined> {
    const { rotation, onTurn } = this.#deps;
    if (this.#mayTurn && rotation.isDue() && (await this.#queue.drained())) {
      rotation.turn();
      this.#saver.put(this.#cursor);
      await this.#saver.flush();
      onTurn();
    }
    return rotation.next();
  }

  async #deliver({ records, cursor }: OpenSend<Cursor>): Promise<void> {
    if (records.length > 0) await this.#send(records);
    const hasUnknown = this.#unknownAt > this.#acknowledged;
    this.#acknowledged += records.length;
    this.#cursor = cursor;
    this.#saver.put(cursor);
    // So that a kill doubles one send at most. A failure of the save ends the reading.
    if (hasUnknown) await this.#saver.flush().catch(() => {});
    const { clock, log } = this.#deps;
    if (clock.monotonic() - this.#progressAt < PROGRESS_MS) return;
    this.#progressAt = clock.monotonic();
    const { topic } = this.#options;
    log.info('sending', { topic, read: this.#read, acknowledged: this.#acknowledged });
  }

  async #send(records: readonly OutgoingRecord[]): Promise<void> {
    const { sender, clock, log, observer } = this.#deps;
    const { topic, retryMs } = this.#options;
    const began = clock.monotonic();
    const acknowledged = await withRetry(
      () => sender.send(topic, records, this.#giveUp.signal),
      { delayMs: 200, delayMsMax: 5000, deadlineMs: retryMs },
      clock,
      this.#giveUp.signal,
      {
        onRetry: (error, _, pauseMs) => {
          observer?.retried(error);
          log.warn(`${error.message}; again in ${pauseMs} ms`);
        },
      },
    ).catch((error) => Promise.reject(this.#withLoss(error)));
    observer?.sent(topic, acknowledged, clock.monotonic() - began);
    for (const [partition, count] of acknowledged) {
      this.#byPartition.set(partition, (this.#byPartition.get(partition) ?? 0) + count);
    }
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
}
