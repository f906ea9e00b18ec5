// The delivery of one batch, in this order and nowhere else: stage, dead-letter, commit, place, advance. Every step
// may be repeated; what happened is decided by the ledger alone (docs/delivery.md draws the states).
import { type Batch, withoutRepeats } from '../pipeline/batch.ts';
import type { Clock } from '../pipeline/clock.ts';
import { invariant, PipelineError } from '../pipeline/errors.ts';
import { type BatchRecord, type Ledger, recordsRead } from '../pipeline/ledger.ts';
import type { Log } from '../pipeline/log.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import type { PositionStore } from '../pipeline/position-store.ts';
import { formatRange, type OffsetRange } from '../pipeline/range.ts';
import { type RetryPolicy, withRetry } from '../pipeline/retry.ts';
import type { Sink } from '../pipeline/sink.ts';
import type { DeadLetters } from './dead-letters.ts';
import { fingerprint } from './sinks/fingerprint.ts';

/** What a delivery works with: of each part only what it calls. */
export interface Delivery {
  readonly sink: Pick<Sink, 'stage' | 'place'> & { readonly ledger: Pick<Ledger, 'commit'> };
  readonly deadLetters: Pick<DeadLetters, 'send'>;
  readonly positions: Pick<PositionStore, 'name' | 'advance'>;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: ConsumerObserver | undefined;
}

/**
 * Delivers `batch`, which must start at the position of its topic partition. Returns the entry that stands at that start
 * afterwards: ours, or the one of another writer who was first; the position is its `end` from then on.
 */
export async function deliver(
  batch: Batch,
  by: Delivery,
  signal: AbortSignal,
): Promise<BatchRecord> {
  const began = by.clock.monotonic();
  const range = formatRange(batch.range);
  const onRetry = (doing: string) => (error: PipelineError, attempt: number, pauseMs: number) => {
    by.observer?.retried(doing, error);
    const { code, message: why } = error;
    by.log.warn(`${doing} failed, trying again`, { range, code, why, attempt, pauseMs });
  };
  const step = <T>(doing: string, run: () => Promise<T>) =>
    withRetry(run, by.retry, by.clock, signal, { onRetry: onRetry(doing) }).catch((error) => {
      throw inBatch(error, `${doing} ${range}`, batch.range);
    });

  const fresh = withoutRepeats(batch);
  const staged = await step('staging', () => by.sink.stage(fresh, signal));
  const { rejects } = staged;
  const record = entryOf(batch, fresh, staged.record);
  invariant(
    recordsRead(record) === batch.records.length,
    `${range}: ${batch.records.length} records became ${recordsRead(record)}`,
  );

  await step('dead-lettering', () => by.deadLetters.send(batch, rejects, signal));

  const standing = await step('committing', () => by.sink.ledger.commit(record, signal));

  await step('placing', () => by.sink.place(standing, signal));
  const ours = standing.attempt === record.attempt;
  const ms = by.clock.monotonic() - began;
  by.observer?.placed(batch, standing, ours, ms);

  await by.positions.advance(standing);

  by.log.info(ours ? 'batch placed' : 'batch was placed by another writer', {
    topic: standing.topic,
    partition: standing.partition,
    start: standing.start,
    end: standing.end,
    rows: standing.rows,
    deadLetters: standing.deadLetters || undefined,
    skipped: standing.skipped || undefined,
    ms: Math.round(ms),
  });
  return standing;
}

/** What failed for good says which records it kept from being delivered, unless it does already. */
function inBatch(error: unknown, doing: string, range: OffsetRange): unknown {
  if (!(error instanceof PipelineError) || error.context['start'] !== undefined) return error;
  const { code, message, hint, context } = error;
  return new PipelineError(code, `${doing}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    context: { ...context, ...range },
    cause: error,
  });
}

/** The sink has seen only what is to become something. What repeats an earlier record counts as skipped. */
function entryOf({ records, before }: Batch, fresh: Batch, staged: BatchRecord): BatchRecord {
  const repeated = records.length - fresh.records.length;
  const last = fingerprint(records.at(-1)) ?? before;
  return { ...staged, skipped: staged.skipped + repeated, last };
}
