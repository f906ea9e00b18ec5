// What is let in of what kafkajs hands over: each topic partition offset by offset, no old fetch, no silent jump.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inbox } from '../../../../consumer/alerts/inbox.ts';
import type { PipelineRecord } from '../../../../pipeline/record.ts';

const of = { topic: 'weather', partition: 0 };
const name = ({ partition }: { partition: number }) => partition;

function inboxAt(offset: bigint) {
  const done: string[] = [];
  let now = 0;
  const inbox = new Inbox(
    {
      seek: (one, to) => done.push(`seek ${name(one)} ${to}`),
      pause: (all) => done.push(`pause ${all.map(name)}`),
      resume: (all) => done.push(`resume ${all.map(name)}`),
    },
    () => now,
    (one, from, to) => done.push(`jump ${name(one)} ${from} ${to}`),
  );
  inbox.open(of, offset);
  const pass = (ms: number) => {
    now += ms;
  };
  return { inbox, done, pass };
}

function fetched(from: bigint, next: bigint, value: Buffer | null = null) {
  const records: PipelineRecord[] = [];
  for (let offset = from; offset < next; offset += 1n) {
    records.push({ offset, timestamp: 0, key: null, value, headers: undefined });
  }
  return { of, from, records, next, end: next };
}

test('what fits is held until it is taken', () => {
  const { inbox, done } = inboxAt(5n);
  assert.deepEqual(done, ['seek 0 5', 'resume 0']);
  assert.equal(inbox.records(fetched(5n, 7n)), true);
  inbox.passedOver(of, 7n, 9n);
  assert.equal(inbox.records(fetched(9n, 10n)), true);
  assert.deepEqual(
    inbox.take().map(({ records, next }) => [records.length, next]),
    [
      [2, 7n],
      [0, 9n],
      [1, 10n],
    ],
  );
  assert.deepEqual(inbox.take(), []);
});

test('an old fetch is sent back once; a second one at the same place is a jump, and nothing more is let in', () => {
  const { inbox, done } = inboxAt(5n);
  assert.equal(inbox.records(fetched(0n, 5n)), false);
  assert.deepEqual(done.splice(0), ['seek 0 5', 'resume 0', 'seek 0 5']);
  assert.equal(inbox.records(fetched(8n, 9n)), false);
  inbox.passedOver(of, 8n, 9n);
  assert.deepEqual(done, ['seek 0 5', 'pause 0', 'jump 0 5 8']);
  assert.equal(inbox.records(fetched(5n, 6n)), false);
  assert.deepEqual(inbox.take(), []);
  inbox.open(of, 8n);
  assert.equal(inbox.records(fetched(8n, 9n)), true);
});

test('fetching is paused while much is held, many records or large ones', () => {
  for (const much of [fetched(0n, 20_000n), fetched(0n, 32n, Buffer.alloc(1024 * 1024))]) {
    const { inbox, done } = inboxAt(0n);
    inbox.records(much);
    assert.equal(done.at(-1), 'pause 0');
    inbox.take();
    assert.equal(done.at(-1), 'resume 0');
    inbox.records(fetched(much.next, much.next + 1n));
    assert.equal(done.at(-1), 'resume 0');
  }
});

test('a topic partition is silent when nothing came for that long', () => {
  const { inbox, pass } = inboxAt(0n);
  pass(600);
  inbox.records(fetched(0n, 1n));
  pass(600);
  assert.deepEqual(inbox.silentFor(1000), []);
  pass(400);
  assert.deepEqual(inbox.silentFor(1000), [{ ...of, next: 1n }]);
});
