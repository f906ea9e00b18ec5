// Runs a consumer: joins the group, turns the timer, and on stop finishes what it holds. The two consumers of the
// product differ only in the job they hand over.
import type { Batch } from '../pipeline/batch.ts';
import { describe, PipelineError, Stopping } from '../pipeline/errors.ts';
import type { BatchRecord } from '../pipeline/ledger.ts';
import { type CommandDeps, Lifecycle } from '../pipeline/lifecycle.ts';
import { formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import { deferred, withRetry, withTimeout } from '../pipeline/retry.ts';
import { Assignment, type AssignmentOwner } from './assignment.ts';
import { deliver } from './deliver.ts';
import { Lane, type LaneOwner } from './lane.ts';
import { type ConsumerJob, type OpenConsumer, openConsumer } from './open.ts';
import { Progress } from './progress.ts';
import type { Bounds } from './start-offset.ts';

export interface ConsumerSummary {
  readonly batches: number;
  readonly rows: number;
  readonly deadLetters: number;
  readonly skipped: number;
}

const TICK_MS = 100;
const IDLE_CHECK_MS = 15_000;
/** How long deliveries that were told to stop may take to notice. */
const ABANDON_MS = 5000;

/** Runs `job` until the signal says stop, its end is reached, or it fails for good. */
export async function runConsumer(job: ConsumerJob, deps: CommandDeps): Promise<ConsumerSummary> {
  const opened = new Lifecycle();
  try {
    const parts = await openConsumer(job, deps, opened);
    return await new ConsumerRun(job, deps, parts).run();
  } finally {
    await opened.close();
  }
}

class ConsumerRun implements AssignmentOwner, LaneOwner {
  readonly #job: ConsumerJob;
  readonly #deps: CommandDeps;
  readonly #parts: OpenConsumer;
  readonly #assignment: Assignment;
  readonly #progress: Progress;
  readonly #failure = deferred<never>();

  constructor(job: ConsumerJob, deps: CommandDeps, parts: OpenConsumer) {
    this.#job = job;
    this.#deps = deps;
    this.#parts = parts;
    this.#progress = new Progress(deps.log, deps.clock);
    this.#assignment = new Assignment(job.topics, parts.consumer, this, deps.log, job.observer);
    this.#failure.promise.catch(() => {});
  }

  async run(): Promise<ConsumerSummary> {
    const { consumer, ends } = this.#parts;
    const { topics, group, destination } = this.#job;
    const { log, signal } = this.#deps;
    const topic = topics.join(', ');
    log.info('joining the group', { topic, group, partitions: ends.size, destination });
    const stopped = deferred<void>();
    const stop = () => stopped.resolve();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const timers = [
      setInterval(() => this.#tick(stop), TICK_MS),
      setInterval(() => this.#assignment.checkIdle(), IDLE_CHECK_MS),
    ];
    try {
      const running = consumer.run(this.#assignment);
      running.catch((error) => this.#failure.reject(error));
      const failed = Promise.race([this.#failure.promise, consumer.failed]);
      await Promise.race([stopped.promise, failed]);
      await Promise.race([this.#finish(), failed]);
      if (this.#job.untilEnd) await this.#parts.upkeep.tendAll(this.#assignment.lanes, signal);
      log.info('stopped', { ...this.#progress.summary() });
      return this.#progress.summary();
    } finally {
      timers.forEach(clearInterval);
      signal.removeEventListener('abort', stop);
      await this.#abandon();
    }
  }

  async openLane(of: TopicPartition, joined: AbortSignal): Promise<Lane> {
    const { params } = this.#job.settings;
    const start = await this.#retrying(of, joined, () => this.#parts.start.of(of, joined));
    const { bufferBytesMax } = params.limits;
    const limits = {
      ...params.batch,
      heldBytesMax: () => bufferBytesMax / Math.max(1, this.#assignment.size),
    };
    return new Lane(of, start, limits, this, this.#deps.clock, this.#parts.repeats());
  }

  bounds(of: TopicPartition, joined: AbortSignal): Promise<Bounds> {
    return this.#retrying(of, joined, () => this.#parts.start.bounds(of, joined));
  }

  async deliver(batch: Batch, signal: AbortSignal): Promise<BatchRecord> {
    const { delivery, consumer } = this.#parts;
    const standing = await deliver(batch, delivery, signal);
    this.#progress.placed(standing);
    // What lag tools show; not waited for. The group store has committed it already.
    if (delivery.positions.name !== 'group') void consumer.commit(standing);
    return standing;
  }

  onDrained(lane: Lane): void {
    this.#assignment.drained(lane);
  }

  onFailed(error: unknown): void {
    this.#failure.reject(error);
  }

  #tick(stop: () => void): void {
    const { lanes } = this.#assignment;
    for (const lane of lanes) {
      if (this.#job.untilEnd && this.#isAtEnd(lane)) lane.cut();
      else lane.tick();
    }
    this.#progress.tick(lanes);
    this.#parts.upkeep.tick(lanes);
    const isDone = lanes.every((lane) => lane.isIdle && this.#isAtEnd(lane));
    if (this.#job.untilEnd && this.#assignment.isComplete && isDone) stop();
  }

  /** The lane has got everything that was in its topic partition when this process started. */
  #isAtEnd(lane: Lane): boolean {
    return lane.hasReached(this.#parts.ends.get(formatTopicPartition(lane.of)) ?? 0n);
  }

  /** Takes nothing more in and delivers what is held. */
  async #finish(): Promise<void> {
    this.#assignment.close();
    const { lanes } = this.#assignment;
    for (const lane of lanes) lane.cut();
    await Promise.all(lanes.map((lane) => lane.settled()));
  }

  /** Ends what is still under way, before the things it uses are closed. */
  async #abandon(): Promise<void> {
    this.#assignment.close();
    const { lanes } = this.#assignment;
    for (const lane of lanes) lane.abandon(new Stopping('the consumer ends'));
    const settled = Promise.all(lanes.map((lane) => lane.settled()));
    const late = () => new PipelineError('SINK_OUTCOME_UNKNOWN', 'a delivery does not end');
    await withTimeout(settled, ABANDON_MS, late).catch((error) =>
      this.#deps.log.debug('closing while a delivery is under way', { why: describe(error) }),
    );
  }

  #retrying<T>(of: TopicPartition, joined: AbortSignal, step: () => Promise<T>): Promise<T> {
    const { log, clock } = this.#deps;
    return withRetry(step, this.#parts.delivery.retry, clock, joined, {
      onRetry: (error) =>
        log.warn('the position is not known yet, trying again', {
          of: formatTopicPartition(of),
          why: error.message,
        }),
    });
  }
}
