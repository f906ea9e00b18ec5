// The plan of a chaos run: the same from the same seed, and with faults that can be carried out.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PLANTS, planSchedule, type ScheduleOptions, SESSION_MS } from '../../chaos/schedule.ts';

const NODES = ['broker 1', 'namenode', 'datanode 1', 'hive'] as const;
const options = (seed: number, more: Partial<ScheduleOptions> = {}): ScheduleOptions => ({
  ...{ seed, minutes: 1, sink: 'mixed', plant: undefined, nodes: NODES, now: 0 },
  ...more,
});
const SEEDS = Array.from({ length: 200 }, (_, index) => index);

describe('a schedule', () => {
  test('is the same from the same seed, and another from another seed', () => {
    for (const seed of SEEDS) {
      assert.deepEqual(planSchedule(options(seed)), planSchedule(options(seed)));
    }
    const plans = SEEDS.map((seed) => JSON.stringify(planSchedule(options(seed)).faults));
    assert.equal(new Set(plans).size, SEEDS.length);
  });

  test('over many seeds has every kind of fault, every server and every sink', () => {
    const plans = SEEDS.map((seed) => planSchedule(options(seed)));
    const faults = plans.flatMap((plan) => plan.faults);
    assert.deepEqual([...new Set(faults.map(({ kind }) => kind))].sort(), [
      ...['aimed', 'cut', 'delay', 'freeze-consumer', 'freeze-service', 'half-open', 'join-leave'],
      ...['kill-consumer', 'kill-producer', 'kill-service', 'state-disk-full'],
    ]);
    const hit = faults.filter(({ kind }) => kind === 'kill-service').map(({ target }) => target);
    assert.deepEqual([...new Set(hit)].sort(), [...NODES].sort());
    assert.equal(new Set(plans.map(({ workload }) => workload.sink)).size, 5);
  });

  test('names only members that exist, begins within its time, and keeps its order', () => {
    for (const seed of SEEDS) {
      const { faults, workload } = planSchedule(options(seed));
      const times = faults.map(({ atMs }) => atMs);
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
      assert.ok(times.every((atMs) => atMs >= 0 && atMs < 60_000));
      for (const fault of faults) {
        if (fault.kind === 'kill-producer') assert.ok(fault.target < workload.producers);
        if (fault.kind === 'kill-consumer') assert.ok(fault.target < workload.consumers);
        if (fault.kind === 'freeze-consumer') assert.ok(fault.durationMs > SESSION_MS);
      }
    }
  });

  test('kills HiveServer2 at most once a minute', () => {
    for (const seed of SEEDS) {
      const { faults } = planSchedule(options(seed, { minutes: 3 }));
      const kills = faults.filter(
        ({ kind, target }) => kind === 'kill-service' && target === 'hive',
      );
      assert.ok(kills.length <= 3);
    }
  });

  test('without servers of its own hurts only processes', () => {
    const plans = SEEDS.map((seed) => planSchedule(options(seed, { nodes: [] })));
    const targets = plans.flatMap(({ faults }) => faults.map(({ target }) => typeof target));
    assert.deepEqual([...new Set(targets)], ['number']);
  });

  test('for a planted fault only aims at the steps where it shows', () => {
    for (const plant of PLANTS) {
      const { faults } = planSchedule(options(1, { plant, minutes: 0.3, nodes: [] }));
      assert.ok(faults.length >= 10);
      assert.deepEqual([...new Set(faults.map(({ kind }) => kind))], ['aimed']);
    }
  });
});
