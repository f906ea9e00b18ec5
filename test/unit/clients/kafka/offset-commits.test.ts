// The queue of group offsets: the latest of each partition, one request at a time, never backwards, nobody held up for long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OffsetCommits } from '../../../../clients/kafka/offset-commits.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import type { PlacedBatch } from '../../../../pipeline/position-store.ts';
import { deferred } from '../../../../pipeline/retry.ts';

const of = (partition: number) => ({ topic: 't', partition });
const upTo = (partition: number, end: bigint): PlacedBatch => ({
  ...{ topic: 't', partition, start: end - 1n, end, attempt: `a${end}` },
});

/** A group that notes what is committed; `answer` decides how each request ends. */
function group(committed: Record<number, bigint> = {}) {
  const requests: string[] = [];
  const state = { answer: async (): Promise<void> => {}, asked: 0 };
  const commits = new OffsetCommits({
    async commit(batches) {
      requests.push(batches.map(({ partition, end }) => `${partition}:${end}`).join(' '));
      await state.answer();
    },
    async committed() {
      state.asked += 1;
      return new Map(Object.entries(committed).map(([of, offset]) => [`t-${of}`, { offset }]));
    },
    log: silentLog,
  });
  return { commits, requests, state };
}

test('G09: what lies below the offset that the group had at the join is not committed', async () => {
  const { commits, requests, state } = group({ 0: 50n });
  commits.joined([0, 1].map(of));
  await commits.add(upTo(0, 40n));
  await commits.add(upTo(1, 40n));
  await commits.add(upTo(0, 60n));
  assert.deepEqual(requests, ['1:40', '0:60']);
  assert.equal(state.asked, 1);
});

test('topic partitions of one number in two topics are told apart', async () => {
  const { commits, requests } = group({ 0: 50n });
  commits.joined([of(0), { topic: 'u', partition: 0 }]);
  await commits.add({ ...upTo(0, 40n), topic: 'u' });
  await commits.add(upTo(0, 45n));
  assert.deepEqual(requests, ['0:40']);
});

test('while a request is under way the rest waits, and only the latest of each partition goes out', async () => {
  const { commits, requests, state } = group();
  commits.joined([0, 1].map(of));
  const first = deferred<void>();
  const sent = deferred<void>();
  state.answer = () => {
    sent.resolve();
    return first.promise;
  };
  const all = [commits.add(upTo(0, 1n))];
  await sent.promise;
  state.answer = async () => {};
  for (const end of [2n, 3n, 4n]) all.push(commits.add(upTo(0, end)), commits.add(upTo(1, end)));
  all.push(commits.add(upTo(0, 3n)));
  first.resolve();
  await Promise.all(all);
  assert.deepEqual(requests, ['0:1', '0:4 1:4']);
});

test('what failed is sent again after the next join, except for partitions that are others’ by then', async () => {
  const { commits, requests, state } = group();
  commits.joined([0, 1].map(of));
  state.answer = () => Promise.reject(new Error('the coordinator is gone'));
  await commits.add(upTo(0, 5n));
  await commits.add(upTo(1, 6n));
  state.answer = async () => {};
  commits.left();
  await commits.add(upTo(0, 7n));
  requests.length = 0;
  commits.joined([1, 2].map(of));
  await commits.settled();
  assert.deepEqual(requests, ['1:6']);
});

test('a delivery that ends after its partition moved away commits nothing for it', async () => {
  const { commits, requests } = group();
  commits.joined([0, 1].map(of));
  await commits.add(upTo(1, 5n));
  commits.joined([0].map(of));
  await commits.add(upTo(1, 6n));
  await commits.add(upTo(0, 7n));
  assert.deepEqual(requests, ['1:5', '0:7']);
});

test('a request that is refused after the next join is sent again, once', async () => {
  const { commits, requests, state } = group();
  const answers = [deferred<void>(), deferred<void>()];
  const sent = deferred<void>();
  state.answer = async () => {
    sent.resolve();
    await answers[requests.length - 1]?.promise;
  };
  commits.joined([0].map(of));
  const first = commits.add(upTo(0, 5n));
  await sent.promise;
  commits.joined([0].map(of));
  answers[0]?.reject(new Error('the group was formed anew'));
  answers[1]?.reject(new Error('the coordinator is gone'));
  await first;
  await new Promise(setImmediate);
  assert.deepEqual(requests, ['0:5', '0:5']);
});

test('a request that is answered after the member has left sends nothing more', async () => {
  const { commits, requests, state } = group();
  const answers = [deferred<void>(), deferred<void>()];
  const sent = [deferred<void>(), deferred<void>()];
  state.answer = async () => {
    const at = requests.length - 1;
    sent[at]?.resolve();
    await answers[at]?.promise;
  };
  commits.joined([0].map(of));
  void commits.add(upTo(0, 5n));
  await sent[0]?.promise;
  commits.left();
  commits.joined([0].map(of));
  await sent[1]?.promise;
  const last = commits.add(upTo(0, 6n));
  answers[0]?.resolve();
  await new Promise(setImmediate);
  assert.deepEqual(requests, ['0:5', '0:5']);
  answers[1]?.resolve();
  await last;
  assert.deepEqual(requests, ['0:5', '0:5', '0:6']);
  assert.equal(state.asked, 2, 'each join asks what the group has');
});
