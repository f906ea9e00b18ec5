// The proof of the sources, small: the real producer is killed with SIGKILL while its source misbehaves. `npm run
// prove:sources` is the large one.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judge, proveSource } from '../proof/prove-source.ts';
import { SOURCE_CASES } from '../proof/source-cases.ts';

const LOAD = { posts: 2000, rate: 200, seed: 7, postsBetween: 300, spareTime: true };
const OPTIONS = { kills: 2, withinMs: 240_000, partitionSwitch: '2s' };

suite('2,000 posts through a source that misbehaves and 2 kills of the producer', {
  concurrency: true,
}, () => {
  for (const name of ['lines', 'bluesky', 'mastodon']) {
    test(`${name}: all in Kafka in order, twice only what was in flight, and each once in the table`, async () => {
      const source = (await SOURCE_CASES[name]?.(LOAD)) ?? assert.fail(name);
      try {
        const proof = await proveSource(source, OPTIONS);
        console.log(name, JSON.stringify(proof));
        const { missing, foreign, outOfOrder, torn, doubled, rows, rowIds, turn } = proof;
        assert.deepEqual({ missing, foreign, outOfOrder, torn }, nothingWrong);
        assert.ok(doubled <= LOAD.posts / 1000, `${doubled} twice`);
        assert.deepEqual([rows, rowIds], [LOAD.posts, LOAD.posts]);
        assert.match(turn, /^now on partition \d \(next switch in [012] s\)$/);
        assert.ok([...source.faults().values()].some((count) => count > 0));
      } finally {
        await source.close();
      }
    });
  }
});

const nothingWrong = { missing: 0, foreign: 0, outOfOrder: 0, torn: 0 };

test('the judge finds what is missing, doubled, torn, foreign and out of order', () => {
  const found = new Map([
    [0, ['a', 'c', 'b', 'c', 'z']],
    [1, ['d', 'a']],
  ]);
  const wrong = { missing: 1, doubled: 2, torn: 1, foreign: 1, outOfOrder: 1, partitions: 2 };
  assert.deepEqual(judge(['a', 'b', 'c', 'd', 'e'], found, 0), wrong);
  assert.equal(judge(['a', 'b', 'c', 'd', 'e'], found, 1).outOfOrder, 0);
});
