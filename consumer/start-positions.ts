// Where a topic partition is read from: after the last entry of its ledger chain; for a partition the ledger does not
// know, where `--from` says; for the live consumer, from the end. Every jump is written down in the ledger.
import { randomUUID } from 'node:crypto';
import type { KafkaAdmin } from '../clients/kafka/admin.ts';
import type { Params } from '../params/schema.ts';
import { parseStartPoint, type StartPoint } from '../params/start-point.ts';
import type { Clock } from '../pipeline/clock.ts';
import { PipelineError } from '../pipeline/errors.ts';
import type { BatchRecord, EntryKind } from '../pipeline/ledger.ts';
import type { Log } from '../pipeline/log.ts';
import type { PlacedBatch, PositionStore } from '../pipeline/position-store.ts';
import { formatRange, formatTopicPartition, type TopicPartition } from '../pipeline/range.ts';
import type { Sink } from '../pipeline/sink.ts';
import { type ChainEnd, resume } from './chain.ts';
import type { LiveGroup } from './live-group.ts';
import type { Start } from './look-back.ts';
import { type Bounds, startOffset } from './start-offset.ts';

export interface StartDeps {
  readonly admin: Pick<KafkaAdmin, 'offsets' | 'offsetsAt'>;
  readonly sink: Pick<Sink, 'ledger' | 'place'>;
  readonly positions: Pick<PositionStore, 'last' | 'advance'>;
  /** What the group committed beside another store: it spares the walk when that one was lost or is old. */
  readonly group: Pick<PositionStore, 'last'> | undefined;
  readonly params: Params['consumer'];
  readonly log: Log;
  readonly clock: Clock;
  /**
   * The end of each topic partition when this process started, by name (`formatTopicPartition`). A partition added later is
   * read from its beginning.
   */
  readonly ends: ReadonlyMap<string, bigint>;
  readonly topics: readonly string[];
  /** A `--from` ahead of the table is meant: what lies between is passed over. */
  readonly force: boolean;
  /** The live consumer's; undefined for the one that goes on from its position. */
  readonly live: LiveStart | undefined;
}

export interface LiveStart {
  readonly group: Pick<LiveGroup, 'isFirst' | 'signature'>;
  /** Writes the group's offset. */
  readonly commit: (placed: PlacedBatch) => Promise<void>;
}

/** Where the chain ends, and its last entry. */
type Standing = Pick<ChainEnd, 'position' | 'last'>;

export class StartPositions {
  readonly #deps: StartDeps;
  readonly #from: StartPoint;
  readonly #startedMs: number;

  /** Throws CONFIG_INVALID for a `--from` that says nothing, or names partitions that the topic does not have. */
  constructor(deps: StartDeps) {
    this.#deps = deps;
    this.#from = checkedPoint(deps);
    this.#startedMs = deps.clock.now();
  }

  /**
   * Where `of` is read from; places what an earlier process committed and did not place. Throws POSITION_GAP,
   * POSITION_BEYOND_END or POSITION_AHEAD, and what ledger and Kafka throw.
   */
  async of(of: TopicPartition, signal: AbortSignal): Promise<Start> {
    const { sink, positions, group, log } = this.#deps;
    const bounds = await this.bounds(of, signal);
    const hints = [(await positions.last(of)) ?? [], (await group?.last(of)) ?? []].flat();
    let isNew = false;
    const resumption = {
      hints,
      wishedOrigin: () => {
        isNew = true;
        return this.#firstPosition(of, bounds, signal);
      },
      place: (entry: BatchRecord) => sink.place(entry, signal),
      log,
    };
    const resumed = await resume(sink.ledger, of, resumption, signal);
    if (resumed.last) await positions.advance(resumed.last);
    let at: Standing = resumed;
    const { live } = this.#deps;
    if (await live?.group.isFirst(of, signal)) {
      // What was sent while nobody was there is passed over.
      at = await this.#jump(of, 'skip', at, this.#endOf(of) ?? 0n, signal);
    }
    if (!live && !isNew) at = await this.#ahead(of, bounds, at, signal);
    if (at.position < bounds.logStart) at = await this.#gap(of, at, bounds, signal);
    const { position, last } = at;
    await this.#mustExist(of, position, bounds, beyondEnd, signal);
    await live?.commit(live.group.signature(of, position, last));
    const why = isNew ? this.#whyFirst(of) : 'where the table ends';
    log.info('reading from', { ...of, position, why, highWatermark: bounds.highWatermark });
    return { position, last: last?.last, origin: resumed.origin, logStart: bounds.logStart };
  }

  #endOf(of: TopicPartition): bigint | undefined {
    return this.#deps.ends.get(formatTopicPartition(of));
  }

  /** Log start and high watermark of `of`, now. */
  async bounds(of: TopicPartition, signal: AbortSignal): Promise<Bounds> {
    const bounds = (await this.#deps.admin.offsets(of.topic, signal)).get(of.partition);
    if (bounds) return bounds;
    throw new PipelineError('KAFKA_UNAVAILABLE', `${formatTopicPartition(of)} has no leader`, {
      hint: 'Wait until the brokers have elected one, or check that all brokers run.',
      context: { ...of },
    });
  }

  /** Where a partition begins that the ledger does not know. Decided for good, so it must exist. */
  async #firstPosition(of: TopicPartition, bounds: Bounds, signal: AbortSignal): Promise<bigint> {
    const { live } = this.#deps;
    const end = this.#endOf(of);
    if (end === undefined) return bounds.logStart;
    if (live) return end;
    const wished = await this.#wished(of, bounds, end, signal);
    await this.#mustExist(of, wished, bounds, this.#wishBeyondEnd, signal);
    return wished;
  }

  #whyFirst(of: TopicPartition): string {
    const { live, params } = this.#deps;
    if (this.#endOf(of) === undefined) return 'a new partition, from its beginning';
    return live ? 'first start, from the end' : `first start, --from ${params.from}`;
  }

  /** Throws `error` for an offset behind the end; the end is asked again, as it may have moved since `bounds`. */
  async #mustExist(
    of: TopicPartition,
    offset: bigint,
    bounds: Bounds,
    error: typeof beyondEnd,
    signal: AbortSignal,
  ): Promise<void> {
    if (offset <= bounds.highWatermark) return;
    const now = await this.bounds(of, signal);
    if (offset > now.highWatermark) throw error(of, offset, now);
  }

  #wished(of: TopicPartition, bounds: Bounds, end: bigint, signal: AbortSignal): Promise<bigint> {
    const { admin } = this.#deps;
    const at = async (timestampMs: number) =>
      (await admin.offsetsAt(of.topic, timestampMs, signal)).get(of.partition) ??
      bounds.highWatermark;
    return startOffset(this.#from, of, bounds, { nowMs: this.#startedMs, end }, at);
  }

  readonly #wishBeyondEnd = (of: TopicPartition, offset: bigint, { highWatermark }: Bounds) =>
    new PipelineError(
      'POSITION_BEYOND_END',
      `${formatTopicPartition(of)}: --from ${this.#deps.params.from} means offset ${offset}, but the topic ends at ${highWatermark}`,
      {
        hint: 'Choose an offset that exists, or --from end. Nothing was decided.',
        context: { ...of, wished: offset, highWatermark },
      },
    );

  /**
   * `--from` on a table that knows the partition. Behind its position nothing is read twice. Ahead of it records would be
   * lost, so only `force` goes there, and records it. Without it an offset is refused, but a time or `end`, which was true
   * once and is ahead whenever there is lag, is not what is meant.
   */
  async #ahead(
    of: TopicPartition,
    bounds: Bounds,
    at: Standing,
    signal: AbortSignal,
  ): Promise<Standing> {
    const { params, log, force } = this.#deps;
    const { position } = at;
    const end = this.#endOf(of);
    if (this.#from.kind === 'stored' || end === undefined) return at;
    const wished = await this.#wished(of, bounds, end, signal);
    if (wished > position && force) {
      await this.#mustExist(of, wished, bounds, this.#wishBeyondEnd, signal);
      return this.#jump(of, 'skip', at, wished, signal);
    }
    if (wished > position && (this.#from.kind === 'offset' || this.#from.kind === 'offsets')) {
      throw new PipelineError(
        'POSITION_AHEAD',
        `${formatTopicPartition(of)}: --from ${params.from} means offset ${wished}, but the table goes only up to ${position}; ${wished - position} offsets would be skipped`,
        {
          hint: `Leave --from out to go on at ${position}, or add --force: the jump is recorded, and verify shows it.`,
          context: { ...of, wished, position },
        },
      );
    }
    if (wished < position) {
      const inTable = position - wished;
      const words = `${inTable} offsets behind --from are in the table already and are not read again`;
      log.info(words, { ...of, from: wished, position });
    } else if (wished > position) {
      const words =
        '--from lies ahead of the table, which goes on without a gap; --force would pass over';
      log.info(words, { ...of, from: wished, position });
    }
    return at;
  }

  async #gap(of: TopicPartition, at: Standing, bounds: Bounds, signal: AbortSignal) {
    const { params, log } = this.#deps;
    const lost = { ...of, start: at.position, end: bounds.logStart };
    if (params.onGap === 'stop') {
      throw new PipelineError(
        'POSITION_GAP',
        `${formatRange(lost)}: these ${lost.end - lost.start} offsets were deleted from the topic before they were read`,
        {
          hint: 'Restore them from elsewhere, or go on with --on-gap earliest (what is left) or --on-gap latest (only what is new). The loss is recorded in the ledger.',
          context: { topic: of.topic, partition: of.partition, start: lost.start, end: lost.end },
        },
      );
    }
    log.warn('offsets were deleted before they were read', { range: formatRange(lost) });
    let kept = at;
    // Again where another writer still had some of them and was first.
    while (kept.position < bounds.logStart) {
      kept = await this.#jump(of, 'lost', kept, bounds.logStart, signal);
    }
    if (params.onGap === 'earliest') return kept;
    return this.#jump(of, 'skip', kept, bounds.highWatermark, signal);
  }

  /** Records that offsets up to `end` are not read, and returns where to go on: there, or what another writer decided. */
  async #jump(
    of: TopicPartition,
    kind: EntryKind,
    at: Standing,
    end: bigint,
    signal: AbortSignal,
  ): Promise<Standing> {
    const { position: start } = at;
    if (end <= start) return at;
    const { sink, positions, clock, log } = this.#deps;
    const entry: BatchRecord = {
      ...of,
      kind,
      start,
      end,
      attempt: randomUUID(),
      files: [],
      rows: 0,
      deadLetters: 0,
      skipped: 0,
      last: at.last?.last,
      at: clock.now(),
    };
    const standing = await sink.ledger.commit(entry, signal);
    await sink.place(standing, signal);
    await positions.advance(standing);
    log.info(kind === 'lost' ? 'recorded as lost' : 'passed over', {
      range: formatRange(standing),
    });
    return { position: standing.end, last: standing };
  }
}

function checkedPoint({ params: { from }, ends, topics, live }: StartDeps): StartPoint {
  const point = parseStartPoint(from);
  const hint = 'Correct consumer.from, or --from.';
  if (typeof point === 'string') {
    throw new PipelineError('CONFIG_INVALID', `consumer.from ${from}: ${point}`, { hint });
  }
  const partitions = point.kind === 'offsets' && !live ? [...point.offsets.keys()] : [];
  const isThere = (partition: number) =>
    topics.some((topic) => ends.has(formatTopicPartition({ topic, partition })));
  const missing = partitions.filter((partition) => !isThere(partition));
  if (missing.length === 0) return point;
  const words = `consumer.from ${from}: the topic has no partition ${missing.join(', ')}`;
  throw new PipelineError('CONFIG_INVALID', words, { hint });
}

function beyondEnd(of: TopicPartition, position: bigint, bounds: Bounds): PipelineError {
  return new PipelineError(
    'POSITION_BEYOND_END',
    `${formatTopicPartition(of)}: the next offset to read is ${position}, but the topic ends at ${bounds.highWatermark}`,
    {
      hint: 'The topic was deleted and created again, or lost its end. Use another table for the new topic, or restore the old topic.',
      context: { ...of, position, highWatermark: bounds.highWatermark },
    },
  );
}
