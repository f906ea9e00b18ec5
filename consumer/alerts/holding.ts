// The time during which this process has the inputs: from the join that gave it all of them until the next one. What fails
// meanwhile is begun again from what is committed.
import type { KafkaAdmin } from '../../clients/kafka/admin.ts';
import type { Output, TransactionalSender } from '../../clients/kafka/transactions.ts';
import type { Params } from '../../params/schema.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import { formatTopicPartition, type TopicPartition } from '../../pipeline/range.ts';
import { isRetriable } from '../../pipeline/retry.ts';
import { Inbox, type Steering } from './inbox.ts';
import { restore } from './restore.ts';
import { AlertStage, type Outcome, type StageOptions } from './stage.ts';

export interface HoldingDeps {
  readonly params: Params;
  readonly stage: StageOptions;
  readonly admin: Pick<KafkaAdmin, 'offsets' | 'groupOffsets'>;
  readonly steering: Steering;
  /** Takes the transactional id over from whoever had it. */
  readonly openSender: (signal: AbortSignal) => Promise<TransactionalSender>;
  readonly deadLetterTopic: (topic: string) => string;
  readonly onCommitted: (outcome: Outcome) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Jump {
  readonly of: TopicPartition;
  readonly from: bigint;
  readonly to: bigint;
}

const RESTART_MS = 500;
/** Between two looks whether silent topic partitions have more. */
const IDLE_LOOK_MS = 5000;

export class Holding {
  readonly #deps: HoldingDeps;
  readonly #all: readonly TopicPartition[];
  readonly #signal: AbortSignal;
  #inbox: Inbox | undefined;
  #jumps: Jump[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `signal` aborts when the group is formed anew or the program ends. */
  constructor(deps: HoldingDeps, all: readonly TopicPartition[], signal: AbortSignal) {
    this.#deps = deps;
    this.#all = all;
    this.#signal = signal;
  }

  /** Where what is fetched goes; undefined while it is not known yet from where to read. */
  get inbox(): Inbox | undefined {
    return this.#inbox;
  }

  /**
   * Resolves after `signal` has aborted, when the transaction under way has ended. Until its first await it is synchronous:
   * nothing is fetched before it is known where to begin. Throws what cannot pass, and what does not within limits.retryMs.
   */
  async run(): Promise<void> {
    const { clock, log, params } = this.#deps;
    let goodAt = clock.monotonic();
    while (!this.#signal.aborted) {
      try {
        await this.#work(() => {
          goodAt = clock.monotonic();
        });
      } catch (error) {
        if (this.#signal.aborted) return;
        const isLate = clock.monotonic() - goodAt > params.limits.retryMs;
        if (isLate || !isRetriable(error)) throw error;
        log.warn('begins again from what is committed', { why: error.message });
        await clock.sleep(RESTART_MS, this.#signal).catch(() => undefined);
      }
    }
  }

  async #work(onGood: () => void): Promise<void> {
    const { steering, openSender, onCommitted, clock, params } = this.#deps;
    steering.pause(this.#all);
    this.#jumps = [];
    const sender = await openSender(this.#signal);
    try {
      // Only now: before, the last owner could still commit.
      const stage = await this.#restore();
      this.#signal.throwIfAborted();
      const inbox = this.#open(stage);
      for (;;) {
        for (const { of, records, next } of inbox.take()) stage.take(of, records, next);
        for (const jump of this.#jumps.splice(0)) await this.#judge(jump, inbox, stage);
        await this.#passIdle(inbox, stage);
        const outcome = stage.outcome();
        if (outcome) {
          await sender.commit(this.#outputOf(outcome), outcome.offsets);
          onCommitted(outcome);
        }
        onGood();
        await clock.sleep(params.alerts.commitMs, this.#signal);
      }
    } finally {
      this.#inbox = undefined;
      await sender.close();
    }
  }

  async #restore(): Promise<AlertStage> {
    const { admin, params, log } = this.#deps;
    const stage = new AlertStage(this.#deps.stage);
    for (const topic of new Set(this.#all.map((of) => of.topic))) {
      const bounds = await admin.offsets(topic, this.#signal);
      const committed = await admin.groupOffsets(params.alerts.group, topic, this.#signal);
      for (const of of this.#all.filter((one) => one.topic === topic)) {
        const kept = bounds.get(of.partition) ?? { logStart: 0n, highWatermark: 0n };
        const { onGap } = params.consumer;
        const { position, note } = restore(of, committed.get(of.partition), kept, onGap, log);
        stage.restore(of, position, note);
        log.info('reads', { of: formatTopicPartition(of), from: position, again: note.oldest });
      }
    }
    return stage;
  }

  #open(stage: AlertStage): Inbox {
    const { steering, clock } = this.#deps;
    const onJump = (of: TopicPartition, from: bigint, to: bigint) => {
      this.#jumps.push({ of, from, to });
    };
    const inbox = new Inbox(steering, () => clock.monotonic(), onJump);
    this.#inbox = inbox;
    for (const of of this.#all) inbox.open(of, stage.next(of) ?? 0n);
    return inbox;
  }

  /** Fetches begin elsewhere than they were asked for: the offsets between hold nothing, or the log has lost them. */
  async #judge({ of, from, to }: Jump, inbox: Inbox, stage: AlertStage): Promise<void> {
    const kept = (await this.#deps.admin.offsets(of.topic, this.#signal)).get(of.partition);
    this.#signal.throwIfAborted();
    const isHole = kept && kept.logStart <= from && from < to && to <= kept.highWatermark;
    if (!isHole) {
      // The next beginning compares what is committed with what is left.
      const words = `${formatTopicPartition(of)} goes on at offset ${to}, not at ${from}`;
      throw new PipelineError('KAFKA_UNAVAILABLE', words, { context: { ...of, from, to } });
    }
    stage.take(of, [], to);
    inbox.open(of, to);
  }

  /** Silent and read to its end: time passes there as on the clock. */
  async #passIdle(inbox: Inbox, stage: AlertStage): Promise<void> {
    const { params, admin, clock } = this.#deps;
    const { idleMs, graceMs } = params.alerts;
    if (!stage.hasOpenWindows) return;
    if (clock.monotonic() - this.#lookedAt < Math.min(idleMs, IDLE_LOOK_MS)) return;
    const silent = inbox.silentFor(idleMs);
    if (silent.length === 0) return;
    this.#lookedAt = clock.monotonic();
    const time = clock.now() - idleMs - graceMs;
    for (const topic of new Set(silent.map((of) => of.topic))) {
      const bounds = await admin.offsets(topic, this.#signal);
      for (const of of silent.filter((one) => one.topic === topic)) {
        if (of.next >= (bounds.get(of.partition)?.highWatermark ?? 0n)) stage.passTime(of, time);
      }
    }
  }

  #outputOf({ alerts, counts, deadLetters }: Outcome): Output {
    const { alertTopic, countTopic } = this.#deps.params.alerts;
    const output = new Map([
      [alertTopic, alerts],
      [countTopic, counts],
    ]);
    for (const [topic, letters] of deadLetters) {
      const name = this.#deps.deadLetterTopic(topic);
      output.set(name, [...(output.get(name) ?? []), ...letters]);
    }
    return output;
  }
}
