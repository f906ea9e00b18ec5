// Dead letters: what a letter says, the share above which the consumer stops, and how they are sent.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DeadLetterShare,
  DeadLetters,
  deadLetter,
  deadLetterTopic,
} from '../../../consumer/dead-letters.ts';
import { paramsSchema } from '../../../params/schema.ts';
import type { Batch } from '../../../pipeline/batch.ts';
import { isCode, PipelineError } from '../../../pipeline/errors.ts';
import { silentLog } from '../../../pipeline/log.ts';
import type { OutgoingRecord, PipelineRecord } from '../../../pipeline/record.ts';
import type { Reject } from '../../../pipeline/sink.ts';

const signal = new AbortController().signal;

function record(offset: number, more: Partial<PipelineRecord> = {}): PipelineRecord {
  const value = Buffer.from('secret content');
  return { offset: BigInt(offset), timestamp: 1000, key: null, value, headers: undefined, ...more };
}

/** A batch of `count` records from `start` on. */
function batchOf(count: number, start = 0): Batch {
  const records = Array.from({ length: count }, (_, index) => record(start + index));
  const [first, end] = [BigInt(start), BigInt(start + count)];
  return { range: { topic: 'posts', partition: 1, start: first, end }, records };
}

/** The first `count` records of a batch, rejected. */
function rejectsOf(batch: Batch, count: number): Reject[] {
  return [...batch.records]
    .slice(0, count)
    .map((one) => ({ record: one, code: 'CODEC_NOT_JSON', reason: 'not JSON at byte 3' }));
}

function share(deadLetterShare: number, deadLetterWindow: number): DeadLetterShare {
  return new DeadLetterShare({ deadLetterShare, deadLetterWindow });
}

describe('a dead letter', () => {
  test('keeps key, value and headers byte for byte and says where it came from and why', () => {
    const key = Buffer.from([0xff, 0x00, 0xfe]);
    const value = Buffer.from([0xc3, 0x28, 0x00, 0x80]);
    const trace = [Buffer.from('a'), Buffer.from([0xff])];
    const reject = {
      record: record(41, { key, value, headers: { trace } }),
      code: 'CODEC_NOT_UTF8',
      reason: 'value is not UTF-8',
    };
    const letter = deadLetter(reject, { topic: 'posts', partition: 2 }, 'default.posts');
    assert.equal(letter.key, key);
    assert.equal(letter.value, value);
    assert.deepEqual(letter.headers, {
      trace,
      'kafka_hive.topic': 'posts',
      'kafka_hive.partition': '2',
      'kafka_hive.offset': '41',
      'kafka_hive.timestamp': '1000',
      'kafka_hive.code': 'CODEC_NOT_UTF8',
      'kafka_hive.reason': 'value is not UTF-8',
      'kafka_hive.table': 'default.posts',
    });
  });

  test('of a record without key and value has neither', () => {
    const reject = { record: record(1, { value: null }), code: 'CODEC_TOMBSTONE', reason: 'r' };
    const letter = deadLetter(reject, { topic: 'posts', partition: 0 }, 'default.posts');
    assert.equal(letter.key, null);
    assert.equal(letter.value, null);
  });

  test('goes to <topic>.dead-letters unless another topic is set', () => {
    assert.equal(deadLetterTopic(paramsSchema.parse({ topic: 'posts' })), 'posts.dead-letters');
    const set = paramsSchema.parse({ topic: 'posts', deadLetters: { topic: 'bad' } });
    assert.equal(deadLetterTopic(set), 'bad');
  });
});

describe('the share of dead letters', () => {
  test('the first bad records of a quiet topic stop nobody', () => {
    const guard = share(0.5, 1000);
    const batch = batchOf(99);
    guard.judge(batch, rejectsOf(batch, 99));
  });

  test('above the limit it stops, naming topic, partition, offsets and first reasons, and no values', () => {
    const guard = share(0.5, 1000);
    const batch = batchOf(100, 500);
    guard.judge(batch, rejectsOf(batch, 50));
    assert.throws(
      () => guard.judge(batch, rejectsOf(batch, 51)),
      (error) => {
        assert.ok(isCode(error, 'CODEC_TOO_MANY_DEAD_LETTERS'));
        assert.match(error.message, /posts-1 \[500, 600\)/);
        assert.match(error.message, /offset 500: CODEC_NOT_JSON not JSON at byte 3/);
        assert.match(error.message, /48 more/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });

  test('a window smaller than 100 is judged as soon as it is full', () => {
    const guard = share(0.5, 10);
    const batch = batchOf(10);
    assert.throws(() => guard.judge(batch, rejectsOf(batch, 6)), /CODEC|become rows/);
    const short = batchOf(9);
    guard.judge(short, rejectsOf(short, 9));
  });

  test('a limit of 0 stops at the first, a limit of 1 never', () => {
    const one = batchOf(1);
    assert.throws(() => share(0, 1000).judge(one, rejectsOf(one, 1)));
    const many = batchOf(5000);
    share(1, 1000).judge(many, rejectsOf(many, 5000));
  });

  test('what lies behind the window is forgotten', () => {
    const guard = share(0.5, 200);
    for (let turn = 0; turn < 10; turn += 1) guard.add(100, 0);
    const batch = batchOf(100);
    guard.judge(batch, rejectsOf(batch, 100));
    guard.add(100, 100);
    assert.throws(() => guard.judge(batch, rejectsOf(batch, 100)));
    guard.judge(batch, []);
    guard.add(100, 0);
    guard.add(100, 0);
    guard.judge(batch, rejectsOf(batch, 100));
  });

  test('a trickle of small batches adds up to the window', () => {
    const guard = share(0.2, 100);
    for (let turn = 0; turn < 99; turn += 1) guard.add(1, turn % 5 === 0 ? 1 : 0);
    const batch = batchOf(1);
    assert.throws(() => guard.judge(batch, rejectsOf(batch, 1)));
  });
});

describe('sending dead letters', () => {
  function make(failures: number) {
    const sent: { topic: string; records: readonly OutgoingRecord[] }[] = [];
    const ensured: string[] = [];
    let left = failures;
    const letters = new DeadLetters({
      topicFor: (topic) => `${topic}.dead-letters`,
      table: 'default.posts',
      share: share(0.5, 100),
      log: silentLog,
      ensureTopic: async (topic) => void ensured.push(topic),
      sender: {
        async send(topic, records) {
          sent.push({ topic, records });
          if (left > 0) {
            left -= 1;
            throw new PipelineError('KAFKA_UNAVAILABLE', 'no answer');
          }
        },
      },
    });
    return { letters, sent, ensured };
  }

  test('a batch without rejects touches no topic', async () => {
    const { letters, sent, ensured } = make(0);
    await letters.send(batchOf(10), [], signal);
    assert.deepEqual([sent, ensured], [[], []]);
  });

  test('the topic is made sure of once', async () => {
    const { letters, sent, ensured } = make(0);
    const batch = batchOf(10);
    await letters.send(batch, rejectsOf(batch, 1), signal);
    await letters.send(batch, rejectsOf(batch, 2), signal);
    assert.deepEqual(ensured, ['posts.dead-letters']);
    assert.deepEqual(
      sent.map(({ records }) => records.length),
      [1, 2],
    );
  });

  test('a repeated send hands over the same array, and counts the batch once', async () => {
    const { letters, sent } = make(3);
    const batch = batchOf(100);
    const rejects = rejectsOf(batch, 50);
    for (const _ of [1, 2, 3]) await assert.rejects(letters.send(batch, rejects, signal));
    await letters.send(batch, rejects, signal);
    assert.equal(new Set(sent.map(({ records }) => records)).size, 1);
  });

  test('nothing is sent when the share is too high', async () => {
    const { letters, sent } = make(0);
    const batch = batchOf(100);
    await assert.rejects(letters.send(batch, rejectsOf(batch, 90), signal), (error) =>
      isCode(error, 'CODEC_TOO_MANY_DEAD_LETTERS'),
    );
    assert.deepEqual(sent, []);
  });
});
