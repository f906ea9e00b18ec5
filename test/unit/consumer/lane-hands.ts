// Hands on a lane for its tests: a clock that stands still, deliveries that are written down, and records to push.

import type { Repeats } from '../../../consumer/dedupe.ts';
import { Lane, type LaneLimits } from '../../../consumer/lane.ts';
import type { Start } from '../../../consumer/look-back.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import type { Clock } from '../../../pipeline/clock.ts';
import type { BatchRecord } from '../../../pipeline/ledger.ts';
import type { PipelineRecord } from '../../../pipeline/record.ts';

const of = { topic: 'posts', partition: 2 };
export const LIMITS: LaneLimits = {
  size: 3,
  bytesMax: 1_000_000,
  ageMsMax: 1000,
  idleMsMax: 400,
  heldBytesMax: () => 1_000_000,
};

export const record = (offset: number, bytes = 10): PipelineRecord => ({
  offset: BigInt(offset),
  timestamp: 0,
  key: null,
  value: Buffer.alloc(bytes),
  headers: undefined,
});

export const entry = (batch: Batch, end = batch.range.end): BatchRecord => ({
  ...batch.range,
  end,
  kind: 'batch',
  attempt: 'a',
  files: [],
  rows: batch.records.length,
  deadLetters: 0,
  skipped: 0,
  last: undefined,
  at: 0,
});

export class Hands {
  nowMs = 0;
  readonly delivered: string[] = [];
  readonly batches: Batch[] = [];
  readonly drained: bigint[] = [];
  readonly failures: unknown[] = [];
  answer: (batch: Batch) => Promise<BatchRecord> = async (batch) => entry(batch);
  readonly clock: Clock = {
    now: () => this.nowMs,
    monotonic: () => this.nowMs,
    sleep: async () => {},
  };

  lane(
    position: number,
    limits: Partial<LaneLimits> = {},
    start: Partial<Start> = {},
    repeats?: Repeats,
  ): Lane {
    return new Lane(
      of,
      { position: BigInt(position), last: undefined, origin: 0n, logStart: 0n, ...start },
      { ...LIMITS, ...limits },
      {
        deliver: (batch) => {
          this.batches.push(batch);
          const offsets = [...batch.records].map(({ offset }) => offset).join(' ');
          this.delivered.push(`[${batch.range.start},${batch.range.end}) ${offsets}`);
          return this.answer(batch);
        },
        onDrained: (lane) => this.drained.push(lane.position),
        onFailed: (error) => this.failures.push(error),
      },
      this.clock,
      repeats,
    );
  }
}
