// The housekeeping of a consumer: when which topic partition is tended, and that a failure stops nobody.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Upkeep } from '../../../consumer/upkeep.ts';
import { silentLog } from '../../../pipeline/log.ts';
import type { TopicPartition } from '../../../pipeline/range.ts';
import { deferred } from '../../../pipeline/retry.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { chainOf } from '../../support/memory-ledger.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const lane = (partition: number, position = 0n) => ({ of: { topic: 't', partition }, position });
const { signal } = new AbortController();

async function upkeepOf(sweep: (of: TopicPartition, position: bigint) => Promise<void>) {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const bounds = Array.from({ length: 2502 }, (_, index) => index);
  const ledger = await chainOf(lane(0).of, bounds);
  const upkeep = new Upkeep({
    ...{ sink: { ledger, sweep }, keepDays: 1, clock },
    log: { ...silentLog, warn: (message) => void warnings.push(message) },
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const tick = async (at: number, lanes = [lane(0), lane(1, 7n)]) => {
    clock.at(at);
    for (let times = 0; times < 3; times += 1) {
      upkeep.tick(lanes);
      await settle();
    }
  };
  return { upkeep, tick, ledger, warnings };
}

test('each topic partition is tended a minute after it was opened, one after the other, then daily', async () => {
  const swept: string[] = [];
  const { tick } = await upkeepOf(async ({ partition }, position) => {
    swept.push(`${partition}@${position}`);
  });
  await tick(0);
  await tick(MINUTE - 1);
  assert.deepEqual(swept, []);
  await tick(MINUTE);
  assert.deepEqual(swept, ['0@0', '1@7']);
  await tick(DAY);
  assert.equal(swept.length, 2);
  await tick(DAY + MINUTE);
  assert.equal(swept.length, 4);
});

test('a long ledger is rolled up in several goes, a minute apart', async () => {
  const { tick, ledger } = await upkeepOf(async () => {});
  await tick(3 * DAY, [lane(0)]);
  const turns: number[] = [];
  for (let minute = 1; minute < 5; minute += 1) {
    await tick(3 * DAY + minute * MINUTE, [lane(0)]);
    while (ledger.entries.size % 500 !== 1) await new Promise((go) => setImmediate(go));
    turns.push(ledger.entries.size);
  }
  assert.deepEqual(turns, [501, 1, 1, 1]);
});

test('a failure is told, and neither delivery nor the next topic partition suffers', async () => {
  const swept: number[] = [];
  const { upkeep, warnings } = await upkeepOf(async ({ partition }) => {
    if (partition === 0) throw new Error('the NameNode is away');
    swept.push(partition);
  });
  await upkeep.tendAll([lane(0), lane(1)], signal);
  assert.deepEqual(swept, [1]);
  assert.equal(warnings.length, 1);
});

test('closing waits for what is under way, and nothing is begun after a stop', async () => {
  const sweeping = deferred<void>();
  const swept: number[] = [];
  const { upkeep, tick, warnings } = await upkeepOf(async ({ partition }) => {
    await sweeping.promise;
    swept.push(partition);
  });
  await tick(0);
  await tick(MINUTE);
  const closed = upkeep.close();
  sweeping.resolve();
  await closed;
  assert.deepEqual(swept, [0]);
  await upkeep.tendAll([lane(1)], AbortSignal.abort());
  await upkeep.tendAll([lane(1)], signal);
  assert.deepEqual([swept, warnings], [[0], []]);
});
