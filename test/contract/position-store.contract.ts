// The law of position stores: every store runs it. A store is a hint that only grows and survives a restart.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';

export interface StoreWorld {
  /** Partitions 0, 1 and 2 of it may be used. */
  readonly topic: string;
  /** A store on what all stores of this world share, as another process would open it. Not opened yet. */
  make(): PositionStore;
  dispose(): Promise<void>;
}

export function positionStoreContract(name: string, create: () => Promise<StoreWorld>): void {
  const signal = new AbortController().signal;

  const inWorld = async (
    run: (store: PositionStore, world: StoreWorld, at: typeof batchIn) => Promise<void>,
  ) => {
    const world = await create();
    const store = world.make();
    try {
      await store.open(signal);
      await run(store, world, batchIn);
    } finally {
      await store.close();
      await world.dispose();
    }
  };

  describe(`position store: ${name}`, () => {
    test('knows nothing of a topic partition that was never placed', () =>
      inWorld(async (store, { topic }) => {
        assert.equal(await store.last({ topic, partition: 0 }), undefined);
      }));

    test('gives back the last batch, its start, end and attempt, for each partition', () =>
      inWorld(async (store, { topic }, at) => {
        await store.advance(at(topic, 0, 0n, 10n));
        await store.advance(at(topic, 0, 10n, 25n));
        await store.advance(at(topic, 2, 7n, 8n));
        assert.deepEqual(await store.last({ topic, partition: 0 }), at(topic, 0, 10n, 25n));
        assert.deepEqual(await store.last({ topic, partition: 2 }), at(topic, 2, 7n, 8n));
        assert.equal(await store.last({ topic, partition: 1 }), undefined);
      }));

    test('never goes back: an older batch, or one with the same end, changes nothing', () =>
      inWorld(async (store, { topic }, at) => {
        await store.advance(at(topic, 1, 40n, 50n));
        await store.advance(at(topic, 1, 30n, 40n));
        await store.advance(at(topic, 1, 45n, 50n));
        assert.deepEqual(await store.last({ topic, partition: 1 }), at(topic, 1, 40n, 50n));
      }));

    test('what was advanced is there after a restart', () =>
      inWorld(async (store, { topic, make }, at) => {
        const range = at(topic, 0, 2n ** 53n + 1n, 2n ** 62n + 1n);
        await store.advance(range);
        await store.close();
        const next = make();
        await next.open(signal);
        assert.deepEqual(await next.last({ topic, partition: 0 }), range);
        await next.advance(at(topic, 0, 1n, 2n));
        assert.deepEqual(await next.last({ topic, partition: 0 }), range);
        await next.close();
      }));

    test('takes a whole ledger entry and keeps its range and attempt only', () =>
      inWorld(async (store, { topic }, at) => {
        await store.advance({ ...at(topic, 0, 0n, 5n), rows: 5 } as PlacedBatch);
        assert.deepEqual(await store.last({ topic, partition: 0 }), at(topic, 0, 0n, 5n));
      }));

    test('partitions advance side by side', () =>
      inWorld(async (store, { topic }, at) => {
        const steps = Array.from({ length: 10 }, (_, index) => BigInt(index));
        await Promise.all(
          [0, 1, 2].map(async (partition) => {
            for (const step of steps) await store.advance(at(topic, partition, step, step + 1n));
          }),
        );
        for (const partition of [0, 1, 2]) {
          assert.deepEqual(await store.last({ topic, partition }), at(topic, partition, 9n, 10n));
        }
      }));
  });
}

function batchIn(topic: string, partition: number, start: bigint, end: bigint): PlacedBatch {
  return { topic, partition, start, end, attempt: `${start}-${end}` };
}
