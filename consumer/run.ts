// Runs a consumer: opens what it needs, joins the group, turns the timer, and on stop finishes what it holds. The two
// consumers of the product differ only in the job they hand over.
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { GroupConsumer } from '../clients/kafka/consumer.ts';
import { KafkaSender } from '../clients/kafka/producer.ts';
import type { Settings } from '../params/schema.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import { Lifecycle } from '../pipeline/lifecycle.ts';
import type { PositionStore } from '../pipeline/position-store.ts';
import { formatTopicPartition, type OffsetRange, type TopicPartition } from '../pipeline/range.ts';
import { deferred, type RetryPolicy, withRetry } from '../pipeline/retry.ts';
import { Assignment } from './assignment.ts';
import {
  DEAD_LETTER_BYTES_MAX,
  DeadLetterShare,
  DeadLetters,
  deadLetterTopic,
} from './dead-letters.ts';
import { type Delivery, type DeliveryStep, deliver } from './deliver.ts';
import { Lane } from './lane.ts';
import { Progress } from './progress.ts';
import { openSink } from './sinks/index.ts';
import { type LiveStart, StartPositions } from './start-positions.ts';

export interface ConsumerJob {
  readonly settings: Settings;
  /** Consumer group. */
  readonly group: string;
  /** Table the records end in. */
  readonly table: string;
  /** The live consumer starts at the end; the other one after the last committed batch. */
  readonly live: boolean;
  /** End when everything that was in the topic at the start is placed. */
  readonly untilEnd: boolean;
  /** Opens the position store; `commit` writes the group's committed offset. */
  openPositions(commit: (range: OffsetRange) => Promise<void>, admin: KafkaAdmin): PositionStore;
  /** Told after each step of each delivery; for the crash suite. */
  readonly onStep?: (step: DeliveryStep) => void;
}

export interface ConsumerSummary {
  readonly batches: number;
  readonly rows: number;
  readonly deadLetters: number;
  readonly skipped: number;
}

const TICK_MS = 100;

/** Runs `job` until the signal says stop, its end is reached, or it fails for good. */
export async function runConsumer(job: ConsumerJob, deps: CommandDeps): Promise<ConsumerSummary> {
  const opened = new Lifecycle();
  try {
    return await new ConsumerRun(job, deps, opened).run();
  } finally {
    await opened.close();
  }
}

class ConsumerRun {
  readonly #job: ConsumerJob;
  readonly #deps: CommandDeps;
  readonly #opened: Lifecycle;
  readonly #failure = deferred<never>();
  readonly #progress: Progress;
  readonly #retry: RetryPolicy;

  constructor(job: ConsumerJob, deps: CommandDeps, opened: Lifecycle) {
    this.#job = job;
    this.#deps = deps;
    this.#opened = opened;
    this.#progress = new Progress(deps.log, deps.clock);
    this.#retry = {
      delayMs: 200,
      delayMsMax: 5000,
      deadlineMs: job.settings.params.limits.retryMs,
    };
    this.#failure.promise.catch(() => {});
  }

  async run(): Promise<ConsumerSummary> {
    const { settings, group } = this.#job;
    const { params, config } = settings;
    const { log, clock, signal } = this.#deps;
    const { topic } = params;
    const startMs = params.limits.startMs;
    const admin = this.#opened.add(
      'admin',
      await KafkaAdmin.open(config.kafka, log, signal, startMs),
    );
    const partitions = await admin.partitions(topic, signal);
    const ends = new Map(
      [...(await admin.offsets(topic, signal))].map(([p, o]) => [p, o.highWatermark]),
    );
    const live = this.#job.live ? await liveStart(admin, group, ends) : undefined;

    const sink = await openSink(
      settings,
      this.#job.table,
      { log, clock, opened: this.#opened },
      signal,
    );
    const sender = this.#opened.add(
      'sender',
      await KafkaSender.open(config.kafka, log, signal, startMs, DEAD_LETTER_BYTES_MAX),
    );
    const deadLetterShape = {
      partitions: 1,
      replication: params.producer.topicReplication,
      messageBytesMax: DEAD_LETTER_BYTES_MAX,
    };
    const deadLetters = new DeadLetters({
      topic: deadLetterTopic(params),
      table: `${params.table.database}.${this.#job.table}`,
      sender,
      ensureTopic: (name, until) => admin.ensureTopic(name, deadLetterShape, until),
      share: new DeadLetterShare(params.limits),
      log,
    });
    const consumer = GroupConsumer.create(
      config.kafka,
      { topic, group, sessionTimeoutMs: params.consumer.sessionTimeoutMs },
      log,
    );
    const positions = this.#job.openPositions((range) => consumer.commit(range), admin);
    await positions.open(signal);
    this.#opened.add('positions', positions);
    const start = new StartPositions({
      admin,
      sink,
      positions,
      params: params.consumer,
      log,
      clock,
      live,
    });
    const onStep = this.#job.onStep;
    const delivery: Delivery = {
      sink,
      deadLetters,
      positions,
      retry: this.#retry,
      clock,
      log,
      ...(onStep ? { onStep } : {}),
    };
    const assignment: Assignment = new Assignment(
      topic,
      consumer,
      {
        openLane: (of, joined) =>
          this.#openLane(of, start, delivery, () => assignment, consumer, joined),
        isKept: async (of, position) => {
          const bounds = await start.bounds(of, signal);
          return position >= bounds.logStart && position <= bounds.highWatermark;
        },
        onFailed: (error) => this.#failure.reject(error),
      },
      log,
    );
    this.#opened.add('consumer', consumer);
    log.info('joining the group', {
      topic,
      group,
      partitions: partitions.length,
      table: this.#job.table,
    });
    await consumer.run(assignment);
    await this.#untilStopped(consumer, assignment, ends);
    return this.#progress.summary();
  }

  async #openLane(
    of: TopicPartition,
    start: StartPositions,
    delivery: Delivery,
    assignment: () => Assignment,
    consumer: GroupConsumer,
    joined: AbortSignal,
  ): Promise<Lane> {
    const { params } = this.#job.settings;
    const { log, clock, signal } = this.#deps;
    const position = await withRetry(() => start.of(of, joined), this.#retry, clock, joined, {
      onRetry: (error) =>
        log.warn('the start position is not known yet, trying again', {
          of: formatTopicPartition(of),
          why: error.message,
        }),
    });
    signal.throwIfAborted();
    const share = Math.max(1, assignment().partitions.length);
    const limits = {
      ...params.batch,
      heldBytesMax: Math.floor(params.limits.bufferBytesMax / share),
    };
    return new Lane(
      of,
      position,
      limits,
      {
        deliver: async (batch, abandoned) => {
          const standing = await deliver(batch, delivery, abandoned);
          this.#progress.placed(standing);
          // What lag tools show. The group store has committed it already.
          if (delivery.positions.name !== 'group') await consumer.commit(standing);
          return standing;
        },
        onDrained: (lane) => assignment().drained(lane),
        onFailed: (_, error) => this.#failure.reject(error),
      },
      clock,
    );
  }

  /** Turns the timer until told to stop, at the end (`untilEnd`), or failed; then delivers what is held. */
  async #untilStopped(
    consumer: GroupConsumer,
    assignment: Assignment,
    ends: ReadonlyMap<number, bigint>,
  ): Promise<void> {
    const { signal, log } = this.#deps;
    const stopped = deferred<void>();
    const onAbort = () => stopped.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    const timer = setInterval(() => {
      for (const lane of assignment.lanes) {
        if (this.#job.untilEnd && lane.wanted >= (ends.get(lane.of.partition) ?? 0n))
          lane.cut('stop');
        else lane.tick();
      }
      this.#progress.tick(assignment.lanes);
      if (this.#job.untilEnd && hasReached(assignment, ends)) stopped.resolve();
    }, TICK_MS);
    try {
      if (!signal.aborted) {
        await Promise.race([stopped.promise, this.#failure.promise, consumer.failed]);
      }
      assignment.close();
      for (const lane of assignment.lanes) lane.cut('stop');
      await Promise.race([
        Promise.all(assignment.lanes.map((lane) => lane.settled())),
        this.#failure.promise,
      ]);
      log.info('stopped', { ...this.#progress.summary() });
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', onAbort);
      assignment.close();
      for (const lane of assignment.lanes)
        lane.abandon(signal.reason ?? new Error('the consumer ends'));
    }
  }
}

/** Everything that was in the topic at the start is placed, as far as it is ours to place. */
function hasReached(assignment: Assignment, ends: ReadonlyMap<number, bigint>): boolean {
  return (
    assignment.isComplete &&
    assignment.lanes.every(
      (lane) => lane.isIdle && lane.wanted >= (ends.get(lane.of.partition) ?? 0n),
    )
  );
}

/** The group is started by this process if it has no member yet. */
async function liveStart(
  admin: KafkaAdmin,
  group: string,
  ends: ReadonlyMap<number, bigint>,
): Promise<LiveStart> {
  const { members } = await admin.groupState(group);
  return { ends, startsGroup: members === 0 };
}
