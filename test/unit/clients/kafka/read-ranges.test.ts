// Reading a stretch of a topic: being told to stop. What is read: test/servers/verify.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type OpenConsumer, readRanges } from '../../../../clients/kafka/read-ranges.ts';
import { Stopping } from '../../../../pipeline/errors.ts';

const RANGES = [{ topic: 'posts', partition: 0, start: 0n, end: 10n }];

test('being told to stop while the group is joined ends the reading and closes the consumer', async () => {
  const controller = new AbortController();
  const closed: string[] = [];
  const open: OpenConsumer = (topic) => ({
    // A join that lasts as long as the test wants. The test runner itself fails on a rejection that nobody handles.
    run: () => new Promise(() => controller.abort(new Stopping('SIGINT'))),
    failed: new Promise(() => {}),
    seek() {},
    pause() {},
    close: async () => void closed.push(topic),
  });
  await assert.rejects(
    readRanges(open, RANGES, () => {}, controller.signal),
    Stopping,
  );
  assert.deepEqual(closed, ['posts']);
});

test('being told to stop before the group is joined opens no consumer', async () => {
  const open: OpenConsumer = () => assert.fail('a consumer was opened');
  const stopped = AbortSignal.abort(new Stopping('SIGINT'));
  await assert.rejects(
    readRanges(open, RANGES, () => {}, stopped),
    Stopping,
  );
});
