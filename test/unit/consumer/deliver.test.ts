// A batch is delivered step by step, each repeated while it fails; what the timer cut meanwhile stays a batch of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Delivery, deliver } from '../../../consumer/deliver.ts';
import { Lane } from '../../../consumer/lane.ts';
import { fingerprint } from '../../../consumer/sinks/fingerprint.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import type { Clock } from '../../../pipeline/clock.ts';
import { PipelineError } from '../../../pipeline/errors.ts';
import type { BatchRecord } from '../../../pipeline/ledger.ts';
import { silentLog } from '../../../pipeline/log.ts';
import { formatRange } from '../../../pipeline/range.ts';
import type { PipelineRecord } from '../../../pipeline/record.ts';
import { MemoryLedger } from '../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 0 };
const away = () => new PipelineError('HDFS_UNAVAILABLE', 'the NameNode is away');

const record = (offset: number): PipelineRecord => ({
  offset: BigInt(offset),
  timestamp: 0,
  key: null,
  value: Buffer.from('{}'),
  headers: undefined,
});

/** A destination in memory; a step named in `failing` throws as often as said there. */
class Destination {
  nowMs = 0;
  readonly failing = { stage: 0, commit: 0, place: 0 };
  readonly staged: string[] = [];
  readonly placed: string[] = [];
  readonly advanced: bigint[] = [];
  readonly ledger = new MemoryLedger();
  readonly clock: Clock = {
    now: () => this.nowMs,
    monotonic: () => this.nowMs,
    sleep: async (ms) => {
      this.nowMs += ms;
    },
  };

  #mayFail(step: 'stage' | 'commit' | 'place'): void {
    if (this.failing[step] === 0) return;
    this.failing[step] -= 1;
    throw away();
  }

  get delivery(): Delivery {
    const commit = async (entry: BatchRecord) => {
      this.#mayFail('commit');
      return MemoryLedger.prototype.commit.call(this.ledger, entry);
    };
    const ledger = Object.assign(Object.create(this.ledger), { commit });
    return {
      sink: {
        ledger,
        stage: async (batch) => {
          this.#mayFail('stage');
          this.staged.push(formatRange(batch.range));
          return { record: entryOf(batch, `attempt ${this.staged.length}`), rejects: [] };
        },
        place: async (entry) => {
          this.#mayFail('place');
          this.placed.push(formatRange(entry));
        },
      },
      deadLetters: { send: async () => {} } as unknown as Delivery['deadLetters'],
      positions: {
        name: 'file',
        advance: async ({ end }) => {
          this.advanced.push(end);
        },
      },
      retry: { delayMs: 100, delayMsMax: 1000, deadlineMs: 60_000 },
      clock: this.clock,
      log: silentLog,
    };
  }
}

function entryOf(batch: Batch, attempt: string): BatchRecord {
  const counts = { rows: batch.records.length, deadLetters: 0, skipped: 0 };
  return { ...batch.range, ...counts, kind: 'batch', attempt, files: [], last: undefined, at: 0 };
}

/** A lane of batches of 3 whose deliveries end in `to`. */
function laneTo(to: Destination): Lane {
  const { signal } = new AbortController();
  return new Lane(
    of,
    { position: 0n, last: undefined, origin: 0n, logStart: 0n },
    {
      size: 3,
      bytesMax: 1_000_000,
      ageMsMax: 1000,
      idleMsMax: 1000,
      heldBytesMax: () => 1_000_000,
    },
    {
      deliver: (batch) => deliver(batch, to.delivery, signal),
      onDrained: () => {},
      onFailed: (error) => assert.fail(String(error)),
    },
    to.clock,
  );
}

test('F01: while committing fails nothing is placed and no position is saved; afterwards everything once', async () => {
  const to = new Destination();
  to.failing.commit = 5;
  const lane = laneTo(to);
  lane.push([0, 1, 2, 3, 4, 5, 6].map(record), 7n);
  await lane.settled();
  assert.equal(to.failing.commit, 0);
  assert.deepEqual(to.staged, ['posts-0 [0, 3)', 'posts-0 [3, 6)']);
  assert.deepEqual(to.placed, to.staged);
  assert.deepEqual(to.advanced, [3n, 6n]);
});

test('F02: a batch that the timer cut while writing fails is neither merged, dropped nor doubled', async () => {
  const to = new Destination();
  const lane = laneTo(to);
  to.failing.stage = 4;
  lane.push([0, 1, 2, 3].map(record), 4n);
  to.nowMs += 1000;
  lane.tick();
  lane.push([4, 5, 6].map(record), 7n);
  await lane.settled();
  assert.deepEqual(to.staged, ['posts-0 [0, 3)', 'posts-0 [3, 4)', 'posts-0 [4, 7)']);
  assert.deepEqual(to.placed, to.staged);
});

test('T03: a failed placing is repeated with the entry that stands, under the same attempt', async () => {
  const to = new Destination();
  to.failing.place = 3;
  const lane = laneTo(to);
  lane.push([0, 1, 2].map(record), 3n);
  await lane.settled();
  assert.deepEqual(to.staged, ['posts-0 [0, 3)']);
  assert.deepEqual(to.placed, ['posts-0 [0, 3)']);
  assert.equal((await to.ledger.read(of, 0n))?.attempt, 'attempt 1');
});

test('what repeats an earlier record is not staged, counts as skipped, and is the last record of its entry all the same', async () => {
  const to = new Destination();
  const records = [0, 1, 2].map(record);
  const batch = { range: { ...of, start: 0n, end: 3n }, records, repeats: new Set([0n, 2n]) };
  const { signal } = new AbortController();
  const { rows, skipped, last } = await deliver(batch, to.delivery, signal);
  assert.deepEqual([rows, skipped, last], [1, 2, fingerprint(records[2])]);
  const before = fingerprint(records[2]);
  const empty = { range: { ...of, start: 3n, end: 9n }, records: [], before };
  assert.deepEqual((await deliver(empty, to.delivery, signal)).last, before);
});

test('what fails for good says which step of which batch it was, with the code of what happened', async () => {
  const to = new Destination();
  to.failing.place = Number.POSITIVE_INFINITY;
  const batch = { range: { ...of, start: 7n, end: 9n }, records: [7, 8].map(record) };
  await assert.rejects(deliver(batch, to.delivery, new AbortController().signal), (error) => {
    assert.ok(error instanceof PipelineError);
    assert.equal(error.code, 'HDFS_UNAVAILABLE');
    assert.equal(error.message, 'placing posts-0 [7, 9): the NameNode is away');
    assert.deepEqual(error.context, { ...of, start: 7n, end: 9n });
    return true;
  });
});
