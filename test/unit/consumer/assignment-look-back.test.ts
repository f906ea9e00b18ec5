// A lane that looks back is fed from in front of its position, and the gate stays as strict: what joins, holes, markers and a
// moving log start do to that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Assignment } from '../../../consumer/assignment.ts';
import { idReader, Repeats } from '../../../consumer/dedupe.ts';
import { Lane } from '../../../consumer/lane.ts';
import type { Start } from '../../../consumer/look-back.ts';
import { fingerprint } from '../../../consumer/sinks/fingerprint.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import { isCode } from '../../../pipeline/errors.ts';
import { silentLog } from '../../../pipeline/log.ts';
import type { PipelineRecord } from '../../../pipeline/record.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { entryOf } from '../../support/memory-ledger.ts';

const of = { topic: 'posts', partition: 0 };

/** A record of the first topic, or of another one that was created later under the same name. */
const record = (offset: number, { id = offset, sentAt = 0 } = {}): PipelineRecord => ({
  offset: BigInt(offset),
  timestamp: sentAt,
  key: null,
  value: Buffer.from(JSON.stringify({ id })),
  headers: undefined,
});
const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => record(from + index));

/** An assignment of one partition whose starts the test sets, batches of 100. */
class Hands {
  readonly calls: string[] = [];
  readonly failures: unknown[] = [];
  readonly delivered: Batch[] = [];
  readonly clock = new ManualClock();
  logStart = 0n;
  highWatermark = 1000n;
  readonly assignment = new Assignment(
    ['posts'],
    {
      seek: (_, offset) => this.calls.push(`seek ${offset}`),
      pause: () => this.calls.push('pause'),
      resume: () => this.calls.push('resume'),
    },
    {
      openLane: async () => this.#lane(),
      bounds: async () => ({ logStart: this.logStart, highWatermark: this.highWatermark }),
      onFailed: (error) => this.failures.push(error),
    },
    silentLog,
  );
  readonly #start: Partial<Start>;
  readonly #window: number | undefined;

  private constructor(start: Partial<Start>, window: number | undefined) {
    this.#start = start;
    this.#window = window;
  }

  /** Joined, with its lane open at offset 100 if not said otherwise. */
  static async joined(start: Partial<Start>, window?: number): Promise<Hands> {
    const hands = new Hands(start, window);
    hands.assignment.assigned([of]);
    await turn();
    return hands;
  }

  #lane(): Lane {
    const start = { position: 100n, last: undefined, origin: 0n, logStart: this.logStart };
    const repeats = this.#window ? new Repeats(idReader('id'), this.#window) : undefined;
    const owner = {
      deliver: async (batch: Batch) => {
        this.delivered.push(batch);
        return entryOf(of, Number(batch.range.start), Number(batch.range.end));
      },
      onDrained: () => {},
      onFailed: (error: unknown) => this.failures.push(error),
    };
    const limits = {
      ...{ size: 100, bytesMax: 1e6, ageMsMax: 1e6, idleMsMax: 1e6 },
      heldBytesMax: () => 1e6,
    };
    return new Lane(of, { ...start, ...this.#start }, limits, owner, this.clock, repeats);
  }

  get lane(): Lane {
    const [lane] = this.assignment.lanes;
    assert.ok(lane);
    return lane;
  }

  taken(): string[] {
    return this.calls.splice(0);
  }

  fetch(fetched: number, records: readonly PipelineRecord[], next: number): boolean {
    return this.assignment.records({
      ...{ of, from: BigInt(fetched), records, next: BigInt(next) },
      end: this.highWatermark,
    });
  }

  /** Cuts what the lane holds; the offsets of what it delivered since. */
  async offsets(): Promise<number[]> {
    this.lane.cut();
    await this.lane.settled();
    return this.delivered
      .splice(0)
      .flatMap((batch) => [...batch.records].map((r) => Number(r.offset)));
  }
}

const last = (offset: number) => fingerprint(record(offset));

test('the last record is fetched again first, compared and not delivered again', async () => {
  const hands = await Hands.joined({ last: last(99) });
  assert.deepEqual(hands.taken(), ['pause', 'seek 99', 'resume']);
  assert.equal(hands.lane.isIdle, true);
  assert.equal(hands.fetch(100, range(100, 105), 105), false, 'a fetch from elsewhere is refused');
  assert.equal(hands.fetch(99, range(99, 105), 105), true);
  assert.equal(hands.lane.wanted, 105n);
  assert.deepEqual(await hands.offsets(), [100, 101, 102, 103, 104]);
});

for (const [what, other] of [
  ['with another value', record(99, { id: 7 })],
  ['sent at another time', record(99, { sentAt: 5 })],
] as const) {
  test(`a record ${what} where the last one was read stops the consumer, and nothing is delivered after`, async () => {
    const hands = await Hands.joined({ last: last(99) });
    hands.fetch(99, [other, ...range(100, 120)], 120);
    const [failure] = hands.failures;
    assert.ok(isCode(failure, 'POSITION_TOPIC_RECREATED'), String(failure));
    assert.match(failure.message, /posts-0: the record at offset 99/);
    assert.deepEqual(await hands.offsets(), []);
  });
}

test('a last record far in front of the position is compared, and what lies between is left out', async () => {
  const hands = await Hands.joined({ last: last(10) });
  hands.taken();
  hands.fetch(10, range(10, 30), 30);
  assert.deepEqual(hands.taken(), ['seek 100'], 'a jump on purpose passed over offsets 11 to 99');
  assert.equal(hands.fetch(100, range(100, 102), 102), true);
  assert.deepEqual(await hands.offsets(), [100, 101]);
});

test('O02: a last record that was compacted away proves nothing', async () => {
  const hands = await Hands.joined({ last: last(99) });
  assert.equal(hands.fetch(99, range(103, 105), 105), true);
  assert.deepEqual(hands.failures, []);
  assert.deepEqual(await hands.offsets(), [103, 104]);
});

test('O01: transaction markers between the last record and the position are passed over', async () => {
  const hands = await Hands.joined({ last: last(97) });
  hands.fetch(97, [record(97)], 98);
  assert.equal(hands.lane.wanted, 100n);
  hands.taken();
  hands.assignment.passedOver(of, 98n, 99n);
  assert.deepEqual(hands.taken(), [], 'a report from before the seek');
  assert.equal(hands.fetch(100, [record(100)], 102), true);
  assert.deepEqual(await hands.offsets(), [100]);
});

test('O03: a last record that retention has taken is not sought; one it takes meanwhile opens the lane anew', async () => {
  const gone = await Hands.joined({ last: last(40), logStart: 50n });
  assert.deepEqual(gone.taken(), ['pause', 'seek 100', 'resume']);
  const hands = await Hands.joined({ last: last(99) });
  hands.logStart = 100n;
  hands.fetch(100, [record(100)], 101);
  hands.fetch(100, [record(100)], 101);
  await turn();
  assert.equal(hands.fetch(99, [record(99)], 101), false, 'the first lane is gone');
});

test('a join in the middle of looking back goes on where it was, with what it has seen', async () => {
  const hands = await Hands.joined({ last: last(99) }, 50);
  assert.equal(hands.fetch(50, range(50, 70), 70), true);
  hands.taken();
  hands.assignment.assigned([of]);
  assert.deepEqual(hands.taken(), ['seek 70', 'resume']);
  assert.equal(hands.fetch(70, range(70, 90), 90), true);
  assert.equal(hands.fetch(90, [...range(90, 101), record(101, { id: 60 })], 102), true);
  hands.lane.cut();
  await hands.lane.settled();
  assert.deepEqual(
    hands.delivered.map(({ repeats }) => [...(repeats ?? [])]),
    [[101n]],
  );
});

test('a topic that was created again shows at the next join, also when it is longer than what was read', async () => {
  const hands = await Hands.joined({});
  hands.fetch(100, range(100, 110), 110);
  hands.taken();
  hands.assignment.assigned([of]);
  assert.deepEqual(hands.taken(), ['seek 109', 'resume']);
  hands.fetch(109, [record(109, { sentAt: 1 }), record(110, { sentAt: 1 })], 111);
  assert.ok(isCode(hands.failures[0], 'POSITION_TOPIC_RECREATED'));
  assert.deepEqual(await hands.offsets(), []);
});

test('an idle lane looks at its last record again, unless retention has taken it', async () => {
  const hands = await Hands.joined({});
  hands.fetch(100, range(100, 110), 110);
  assert.equal((await hands.offsets()).length, 10);
  hands.taken();
  hands.assignment.checkIdle();
  await turn();
  assert.deepEqual(hands.taken(), ['seek 109', 'resume']);
  assert.equal(hands.fetch(109, [record(109)], 110), true);
  assert.equal(hands.lane.wanted, 110n);
  hands.logStart = 110n;
  hands.assignment.checkIdle();
  await turn();
  hands.assignment.assigned([of]);
  assert.deepEqual(hands.taken(), ['seek 110', 'resume'], 'only the join seeks, at the position');
});

test('a fetch that failed may have met the deletion: every lane looks at its last record again', async () => {
  const hands = await Hands.joined({});
  hands.fetch(100, range(100, 110), 110);
  hands.taken();
  hands.assignment.interrupted();
  hands.assignment.interrupted();
  assert.deepEqual(hands.taken(), ['seek 109'], 'once');
  assert.equal(hands.fetch(110, range(110, 112), 112), false);
});

test('what comes after a quiet second is taken only behind the last record', async () => {
  const hands = await Hands.joined({});
  hands.fetch(100, range(100, 110), 110);
  hands.clock.at(999);
  assert.equal(hands.fetch(110, range(110, 112), 112), true);
  hands.taken();
  hands.clock.at(2000);
  assert.equal(hands.fetch(112, range(112, 115), 115), false);
  assert.deepEqual(hands.taken(), ['seek 111']);
  assert.equal(hands.fetch(111, range(111, 115), 115), true);
  assert.equal(hands.lane.wanted, 115n);
  hands.clock.at(4000);
  hands.assignment.passedOver(of, 115n, 116n);
  assert.deepEqual(hands.taken(), ['seek 114']);
  hands.fetch(114, [record(114)], 116);
  hands.clock.at(6000);
  hands.assignment.drained(hands.lane);
  assert.deepEqual(hands.taken(), ['seek 114', 'resume'], 'a lane that was full for long');
  assert.equal((await hands.offsets()).length, 15);
});
