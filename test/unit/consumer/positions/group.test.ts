// The store that keeps positions as offsets of the consumer group, and what it makes of their metadata.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GroupPositions, parseCommitted } from '../../../../consumer/positions/group.ts';
import { isCode, PipelineError } from '../../../../pipeline/errors.ts';

const of = { topic: 'posts', partition: 1 };

describe('the group store', () => {
  test('an offset that carries the start and attempt of its batch is a hint, any other is none', () => {
    const placed = parseCommitted(of, { offset: 50n, metadata: '40 a1' });
    assert.deepEqual(placed, { ...of, start: 40n, end: 50n, attempt: 'a1' });
    // The third word is the signature of a live consumer.
    assert.deepEqual(parseCommitted(of, { offset: 50n, metadata: '40 a1 b2' }), placed);
    const starts = ['', 'x', '-1', '4.0', '50', '51', ' 40', '0x10', '1'.repeat(20)];
    const others = ['40', '40 ', '40  a1', '40 a1 ', '40 a1 b2 c3', 'a1 40', '40a1'];
    for (const metadata of [...starts, ...starts.map((start) => `${start} a1`), ...others]) {
      assert.equal(parseCommitted(of, { offset: 50n, metadata }), undefined, metadata);
    }
  });

  test('partitions that are asked for together share one request', async () => {
    let asked = 0;
    const store = new GroupPositions({
      group: 'g',
      commit: async () => {},
      admin: {
        async groupOffsets() {
          asked += 1;
          return new Map([[1, { offset: 5n, metadata: '2 a1' }]]);
        },
      },
    });
    const found = await Promise.all([0, 1, 2].map((partition) => store.last({ ...of, partition })));
    assert.deepEqual(
      found.map((range) => range?.end),
      [undefined, 5n, undefined],
    );
    assert.equal(asked, 1);
    await store.last(of);
    assert.equal(asked, 2, 'asked anew: the partition may have been elsewhere');
  });

  test('a commit that fails is tried again by the next advance', async () => {
    const committed: bigint[] = [];
    let fails = true;
    const store = new GroupPositions({
      group: 'g',
      admin: { groupOffsets: async () => new Map() },
      commit: async ({ end }) => {
        if (fails) throw new PipelineError('KAFKA_UNAVAILABLE', 'no answer');
        committed.push(end);
      },
    });
    const placed = { ...of, start: 0n, end: 5n, attempt: 'a1' };
    await assert.rejects(store.advance(placed), (error) => isCode(error, 'KAFKA_UNAVAILABLE'));
    fails = false;
    await store.advance(placed);
    await store.advance(placed);
    assert.deepEqual(committed, [5n]);
  });
});
