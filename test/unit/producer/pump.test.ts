// Grouping, waiting, repeating and stopping, with a sender that fails on demand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isCode, PipelineError, Stopping } from '../../../pipeline/errors.ts';
import type { OutgoingRecord } from '../../../pipeline/record.ts';
import { deferred } from '../../../pipeline/retry.ts';
import type { Source } from '../../../pipeline/source.ts';
import { pump } from '../../../producer/pump.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { deps, numbers, OPTIONS, PLAIN, RecordingSender, to } from './pump-world.ts';

suite('pump', () => {
  test('sends everything in order, in sends of at most sendSize, and sums up', async () => {
    const sender = new RecordingSender();
    const summary = await pump(numbers(7), undefined, OPTIONS, deps(sender));
    assert.deepEqual(sender.sends, [['0', '1', '2'], ['3', '4', '5'], ['6']]);
    assert.deepEqual(summary, {
      read: 7,
      acknowledged: 7,
      repeated: 0,
      byPartition: new Map([[0, 7]]),
      cursor: 7,
    });
  });

  test('an empty source sends nothing', async () => {
    const sender = new RecordingSender();
    const summary = await pump(numbers(0), undefined, OPTIONS, deps(sender));
    assert.deepEqual([sender.sends, summary.read, summary.cursor], [[], 0, undefined]);
  });

  test('resumes after the cursor', async () => {
    const sender = new RecordingSender();
    await pump(numbers(3), 2, OPTIONS, deps(sender));
    assert.deepEqual(sender.sends, [['2']]);
  });

  test('stops after maxMessages', async () => {
    const sender = new RecordingSender();
    const summary = await pump(
      numbers(100),
      undefined,
      { ...OPTIONS, maxMessages: 4 },
      deps(sender),
    );
    assert.equal(summary.acknowledged, 4);
    assert.deepEqual(sender.sends.flat(), ['0', '1', '2', '3']);
  });

  test('cuts a send before a topic partition has more than sendBytesMax', async () => {
    const sender = new RecordingSender();
    let turn = 0;
    const options = { ...OPTIONS, sendSize: 100, sendBytesMax: 2 };
    const rotation = to(() => turn++ % 2);
    const summary = await pump(
      numbers(10),
      undefined,
      options,
      deps(sender, new ManualClock(), new AbortController(), { rotation }),
    );
    assert.deepEqual(
      sender.sends.map((send) => send.length),
      [3, 3, 3, 1],
    );
    assert.deepEqual(
      summary.byPartition,
      new Map([
        [0, 5],
        [1, 5],
      ]),
    );
  });

  test('sends a record that is larger than sendBytesMax alone', async () => {
    const sender = new RecordingSender();
    const source: Source<number> = {
      ...PLAIN,
      name: 'big',
      async *read() {
        for (const value of ['a', 'b'.repeat(50), 'c']) {
          yield { record: { key: null, value: Buffer.from(value) }, cursor: 0 };
        }
      },
    };
    await pump(source, undefined, { ...OPTIONS, sendBytesMax: 10 }, deps(sender));
    assert.deepEqual(sender.sends, [['a'], ['b'.repeat(50)], ['c']]);
  });

  test('a part-filled send goes after lingerMs although the source is silent', async () => {
    const sender = new RecordingSender();
    const clock = new ManualClock();
    const stop = new AbortController();
    const silent: Source<number> = {
      ...PLAIN,
      name: 'silent',
      async *read(_after, signal) {
        yield { record: { key: null, value: Buffer.from('x') }, cursor: 1 };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    };
    const running = pump(silent, undefined, OPTIONS, deps(sender, clock, stop));
    await eventually(() => assert.equal(clock.sleeping, 1));
    clock.at(99);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(sender.sends, []);
    clock.at(100);
    await eventually(() => assert.deepEqual(sender.sends, [['x']]));
    stop.abort(new Stopping('test'));
    await running;
  });

  test('holds the source back while a send is in flight', async () => {
    const sender = new RecordingSender();
    const gate = deferred<void>();
    sender.before = (attempt) => (attempt === 1 ? gate.promise : Promise.resolve());
    let pulled = 0;
    const source = numbers(1000, () => {
      pulled += 1;
    });
    const running = pump(source, undefined, OPTIONS, deps(sender));
    await eventually(() => assert.equal(pulled, 7));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(pulled, 7, 'three in flight, three waiting, one in hand');
    gate.resolve();
    assert.equal((await running).acknowledged, 1000);
  });

  test('repeats a failed send as it was, and only then goes on', async () => {
    const sender = new RecordingSender();
    const clock = new ManualClock();
    const tried: (readonly OutgoingRecord[])[] = [];
    sender.before = async (attempt, records) => {
      tried.push(records);
      if (attempt === 1 || attempt === 2) throw new PipelineError('KAFKA_UNAVAILABLE', 'away');
    };
    const running = pump(numbers(4), undefined, OPTIONS, deps(sender, clock));
    for (const at of [1000, 2000]) {
      await eventually(() => assert.equal(clock.sleeping, 1));
      clock.at(at);
    }
    await running;
    assert.equal(tried[0], tried[1]);
    assert.equal(tried[0], tried[2]);
    assert.deepEqual(sender.sends, [['0', '1', '2'], ['3']]);
  });

  test('gives up after retryMs, says how many records are open, and stops the source', async () => {
    const sender = new RecordingSender();
    sender.before = async (attempt) => {
      if (attempt > 1) throw new PipelineError('KAFKA_UNAVAILABLE', 'away');
    };
    const running = pump(numbers(100), undefined, { ...OPTIONS, retryMs: 0 }, deps(sender));
    await assert.rejects(
      running,
      (error) =>
        isCode(error, 'KAFKA_UNAVAILABLE') &&
        error.message ===
          `away (${error.context['read']} records read, ${Number(error.context['read']) - 3} of them not acknowledged)` &&
        Number(error.context['read']) < 12,
    );
  });

  test('a refusal ends it at once', async () => {
    const sender = new RecordingSender();
    sender.before = async () => {
      throw new PipelineError('KAFKA_REJECTED', 'no right');
    };
    await assert.rejects(pump(numbers(100), undefined, OPTIONS, deps(sender)), (error) =>
      isCode(error, 'KAFKA_REJECTED'),
    );
  });

  test('when the source fails, what it gave before is sent first', async () => {
    const sender = new RecordingSender();
    const broken: Source<number> = {
      ...PLAIN,
      name: 'broken',
      async *read() {
        yield { record: { key: null, value: Buffer.from('good') }, cursor: 1 };
        throw new PipelineError('SOURCE_INPUT_INVALID', 'posts.ndjson:2 is not JSON');
      },
    };
    await assert.rejects(pump(broken, undefined, OPTIONS, deps(sender)), (error) =>
      isCode(error, 'SOURCE_INPUT_INVALID'),
    );
    assert.deepEqual(sender.sends, [['good']]);
  });

  test('a stop reads no more and sends what was read', async () => {
    const sender = new RecordingSender();
    const stop = new AbortController();
    const source = numbers(1000, (at) => at === 4 && stop.abort(new Stopping('test')));
    const summary = await pump(source, undefined, OPTIONS, deps(sender, new ManualClock(), stop));
    assert.equal(summary.read, summary.acknowledged);
    assert.equal(sender.sends.flat().length, summary.read);
    assert.ok(summary.read >= 4 && summary.read <= 5);
  });

  test('after a stop, a Kafka that stays away ends it within 10 s', async () => {
    const sender = new RecordingSender();
    const clock = new ManualClock();
    const stop = new AbortController();
    sender.before = async () => {
      throw new PipelineError('KAFKA_UNAVAILABLE', 'away');
    };
    const running = pump(numbers(2), undefined, OPTIONS, deps(sender, clock, stop));
    running.catch(() => undefined);
    await eventually(() => assert.equal(clock.sleeping, 1));
    stop.abort(new Stopping('test'));
    await eventually(() => assert.equal(clock.sleeping, 2));
    clock.at(10_000);
    await assert.rejects(
      running,
      (error) => isCode(error, 'KAFKA_UNAVAILABLE') && /2 of them/.test(error.message),
    );
  });
});
