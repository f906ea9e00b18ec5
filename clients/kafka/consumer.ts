// A group consumer over kafkajs, without its surprises: positions are set from outside, nothing is committed by itself,
// offsets without records are reported; a member that fails is replaced by a fresh one until that takes too long.
import type { Config } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Log } from '../../pipeline/log.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import { deferred } from '../../pipeline/retry.ts';
import { startingAt } from './connection.ts';
import { COORDINATOR_ATTEMPTS, isCoordinatorMissing } from './coordinator.ts';
import { kafkaError } from './errors.ts';
import { type GroupConsumerListener, GroupMember, type MemberOptions } from './member.ts';
import { type CommitDeps, OffsetCommits } from './offset-commits.ts';

export type { Fetched, GroupConsumerListener } from './member.ts';

export interface GroupConsumerOptions extends MemberOptions {
  /** How long Kafka may be away before the consumer fails. Looked at when a member fails: up to 1.5 sessions late. */
  readonly retryMs: number;
  /** What the group has committed, so that nothing is committed backwards. Needed where something is committed. */
  readonly committed?: CommitDeps['committed'];
}

/** Pause before a member that failed is replaced. */
const REPLACE_MS = 500;

export class GroupConsumer {
  readonly #config: Config['kafka'];
  readonly #options: GroupConsumerOptions;
  readonly #log: Log;
  readonly #commits: OffsetCommits;
  readonly #joined = deferred<void>();
  readonly #failure = deferred<never>();
  readonly #closing = new AbortController();
  /** Members that failed and are not closed yet. */
  readonly #leaving = new Set<Promise<void>>();
  #member: GroupMember | undefined;

  private constructor(config: Config['kafka'], options: GroupConsumerOptions, log: Log) {
    this.#config = config;
    this.#options = options;
    this.#log = log;
    this.#commits = new OffsetCommits({
      commit: async (batches) => {
        if (!this.#member)
          throw new PipelineError('KAFKA_UNAVAILABLE', 'not a member of the group');
        await this.#member.commit(batches);
      },
      committed: options.committed ?? (async () => new Map()),
      log,
    });
    this.#failure.promise.catch(() => {});
  }

  /** Opens no connection. */
  static create(config: Config['kafka'], options: GroupConsumerOptions, log: Log): GroupConsumer {
    return new GroupConsumer(config, options, log);
  }

  /**
   * Joins the group and starts to call `listener`; resolves after the first join. Call it once. Throws KAFKA_UNAVAILABLE,
   * KAFKA_REJECTED, KAFKA_TLS. It cannot be aborted; `close` ends it.
   */
  async run(listener: GroupConsumerListener): Promise<void> {
    this.#keepJoined({
      assigned: (all) => {
        listener.assigned(all);
        this.#commits.joined(all);
        this.#joined.resolve();
      },
      records: (fetched) => listener.records(fetched),
      passedOver: (...range) => listener.passedOver(...range),
      interrupted: () => listener.interrupted?.(),
    }).catch((error) => this.#failure.reject(error));
    await Promise.race([this.#joined.promise, this.#failure.promise]);
  }

  /** Rejects when reading cannot go on, or Kafka was away for `retryMs`; never resolves. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** The next fetch of this topic partition starts at `offset`. Local: nothing is committed. Void while not a member. */
  seek(of: TopicPartition, offset: bigint): void {
    this.#member?.seek(of, offset);
  }

  /** Void while not a member: the next `assigned` decides again. */
  pause(all: readonly TopicPartition[]): void {
    this.#member?.pause(all);
  }

  /** Void while not a member: the next `assigned` decides again. */
  resume(all: readonly TopicPartition[]): void {
    this.#member?.resume(all);
  }

  /**
   * Commits `placed.end` as the group's offset, with its start and attempt as metadata: what lag tools show. Resolves when
   * that is done, refused (the partition has moved on) or takes too long; none is an error, because the ledger holds the truth.
   */
  commit(placed: PlacedBatch): Promise<void> {
    return this.#commits.add(placed);
  }

  /** Commits what waits and leaves the group, so that others take the partitions at once. Never throws. */
  async close(): Promise<void> {
    await this.#commits.settled();
    this.#closing.abort();
    if (this.#member) this.#retire(this.#member);
    await Promise.all(this.#leaving);
  }

  async #keepJoined(listener: GroupConsumerListener): Promise<void> {
    const { topics, group, retryMs } = this.#options;
    const doing = `read topic ${topics.join(', ')}`;
    let goodAt = systemClock.monotonic();
    let coordinatorless = 0;
    for (let attempt = 0; !this.#closing.signal.aborted; attempt += 1) {
      const member = new GroupMember(startingAt(this.#config, attempt), this.#options, this.#log);
      this.#member = member;
      const error = await member.run(listener).catch((thrown: unknown) => thrown);
      if (this.#closing.signal.aborted) return;
      this.#retire(member);
      goodAt = member.goodAt ?? goodAt;
      const failure = kafkaError(error, doing, { topic: topics.join(), group });
      const isLate = systemClock.monotonic() - goodAt > retryMs;
      coordinatorless = isCoordinatorMissing(error) ? coordinatorless + 1 : 0;
      const mayCome = coordinatorless > 0 && coordinatorless < COORDINATOR_ATTEMPTS;
      if (isLate || !(mayCome || mayPass(failure, error))) throw failure;
      this.#log.warn('the Kafka consumer joins anew', { why: failure.message });
      await systemClock.sleep(REPLACE_MS, this.#closing.signal).catch(() => undefined);
    }
  }

  /** Not waited for: leaving a group whose coordinator is dead takes long. */
  #retire(member: GroupMember): void {
    this.#member = undefined;
    this.#commits.left();
    const left = member.close().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }
}

/** kafkajs stumbles over its own state when the last broker it knew is gone: that passes, too. */
function mayPass(failure: PipelineError, error: unknown): boolean {
  const isTheirs = failure.code === 'BUG' && failure.cause === error;
  return failure.retry !== 'never' || isTheirs;
}
