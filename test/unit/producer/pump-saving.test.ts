// What the pump saves and when, what it leaves out, and when the partition may switch.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isCode, PipelineError } from '../../../pipeline/errors.ts';
import { deferred } from '../../../pipeline/retry.ts';
import type { Source } from '../../../pipeline/source.ts';
import { pump } from '../../../producer/pump.ts';
import { RecentIds } from '../../../producer/recent-ids.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { deps, numbers, OPTIONS, PLAIN, RecordingSender } from './pump-world.ts';

suite('pump, saving', () => {
  test('saves the cursor behind what is acknowledged, and at the end', async () => {
    const sender = new RecordingSender();
    const saved: (number | undefined)[] = [];
    const gate = deferred<void>();
    const clock = new ManualClock();
    sender.before = (attempt) => (attempt === 2 ? gate.promise : Promise.resolve());
    const save = async (cursor: number | undefined) => void saved.push(cursor);
    const running = pump(numbers(6), undefined, OPTIONS, deps(sender, clock, undefined, { save }));
    await eventually(() => assert.equal(clock.sleeping, 1));
    clock.at(1000);
    await eventually(() => assert.deepEqual(saved, [3]));
    gate.resolve();
    await running;
    assert.deepEqual(saved, [3, 6]);
  });

  test('what nobody would recognise is saved after each send: less of it comes twice after a kill', async () => {
    const sender = new RecordingSender();
    const saved: (number | undefined)[] = [];
    const clock = new ManualClock();
    const gate = deferred<void>();
    const source: Source<number> = {
      ...PLAIN,
      name: 'lines',
      async *read() {
        for (let at = 1; at <= 3; at += 1) {
          yield { record: { key: null, value: Buffer.from('same') }, cursor: at };
        }
        yield* numbers(9).read(3, new AbortController().signal);
        await gate.promise;
      },
    };
    const save = async (cursor: number | undefined) => void saved.push(cursor);
    const running = pump(source, undefined, OPTIONS, deps(sender, clock, undefined, { save }));
    await eventually(() => assert.equal(sender.sends.length, 3));
    assert.deepEqual(saved, [3], 'what has an id waits for its second');
    assert.equal(clock.now(), new ManualClock().now(), 'no second has passed');
    gate.resolve();
    await running;
  });

  test('a cursor that ids hang on is saved behind what was before it, and before what follows is sent', async () => {
    const sender = new RecordingSender();
    const events: string[] = [];
    sender.before = async () => void events.push('sends');
    const one = (cursor: number) => ({
      ...{ record: { key: null, value: Buffer.from(`${cursor}`) }, cursor, id: `${cursor}` },
    });
    const source: Source<number> = {
      ...PLAIN,
      name: 'lines',
      async *read() {
        yield one(1);
        yield { record: undefined, cursor: 2, saveFirst: true };
        yield one(3);
      },
    };
    const save = async (cursor: number | undefined) => void events.push(`saves ${cursor}`);
    await pump(source, undefined, OPTIONS, deps(sender, new ManualClock(), undefined, { save }));
    assert.deepEqual(events, ['sends', 'saves 2', 'sends', 'saves 3']);
  });

  test('a cursor without a record is saved after everything before it is acknowledged', async () => {
    const sender = new RecordingSender();
    const saved: (number | undefined)[] = [];
    const source: Source<number> = {
      ...PLAIN,
      name: 'sparse',
      async *read() {
        yield { record: undefined, cursor: 1 };
        yield { record: { key: null, value: Buffer.from('a') }, cursor: 2, id: 'a' };
        yield { record: undefined, cursor: 3 };
      },
    };
    const save = async (cursor: number | undefined) => {
      assert.deepEqual(sender.sends, [['a']]);
      saved.push(cursor);
    };
    const more = { save };
    const summary = await pump(
      source,
      undefined,
      OPTIONS,
      deps(sender, undefined, undefined, more),
    );
    assert.deepEqual([summary.read, summary.cursor, saved], [1, 3, [3]]);
  });

  test('when saving fails, what was read is still sent, and the failure ends it', async () => {
    const sender = new RecordingSender();
    const clock = new ManualClock();
    const save = async () => {
      throw new PipelineError('POSITION_UNWRITABLE', 'disk full');
    };
    const endless = numbers(1_000_000);
    const gate = deferred<void>();
    sender.before = (attempt) => (attempt === 2 ? gate.promise : Promise.resolve());
    const running = pump(endless, undefined, OPTIONS, deps(sender, clock, undefined, { save }));
    running.catch(() => undefined);
    await eventually(() => assert.equal(clock.sleeping, 1));
    clock.at(1000);
    gate.resolve();
    await assert.rejects(running, (error) => isCode(error, 'POSITION_UNWRITABLE'));
    const sent = sender.sends.flat();
    assert.ok(sent.length < 1000, `${sent.length} were sent`);
    assert.deepEqual(
      sent,
      sent.map((_, at) => `${at}`),
    );
  });

  test('a record whose id was sent before is left out, in this run or an earlier one', async () => {
    const sender = new RecordingSender();
    const ids = ['a', 'b', 'a', 'c', undefined, undefined, 'b'];
    let asked = 0;
    const source: Source<number> = {
      ...PLAIN,
      name: 'repeating',
      async *read() {
        for (const [at, id] of ids.entries()) {
          const record = { key: null, value: Buffer.from(`${id}${at}`) };
          yield { record, cursor: at, ...(id === undefined ? {} : { id }) };
        }
      },
    };
    const recentIds = async () => {
      asked += 1;
      const recent = new RecentIds(10);
      recent.isNew('c');
      return recent;
    };
    const more = { recentIds };
    const summary = await pump(
      source,
      undefined,
      OPTIONS,
      deps(sender, undefined, undefined, more),
    );
    assert.deepEqual(sender.sends.flat(), ['a0', 'b1', 'undefined4', 'undefined5']);
    assert.deepEqual([summary.read, summary.repeated, summary.cursor, asked], [4, 3, 6, 1]);
  });

  suite('the switch of the partition', () => {
    /** Due as soon as `due` says so; each turn takes the next partition. */
    function turning(due: () => boolean) {
      let partition = 0;
      return {
        next: () => partition,
        isDue: due,
        turn() {
          partition += 1;
        },
        state: () => ({ partition, spentMs: 0 }),
      };
    }

    test('waits until all before it is acknowledged and saved', async () => {
      const sender = new RecordingSender();
      const events: string[] = [];
      let at = 0;
      const rotation = turning(() => at === 4 && rotation.next() === 0);
      sender.before = async (_, records) => {
        await new Promise((resolve) => setImmediate(resolve));
        events.push(...records.map(({ value, partition }) => `${value} to ${partition}`));
      };
      const save = async (cursor: number | undefined) =>
        void events.push(`${cursor} saved on ${rotation.next()}`);
      const onTurn = () => void events.push('turned');
      const source = numbers(6, (pulled) => {
        at = pulled;
      });
      await pump(
        source,
        undefined,
        OPTIONS,
        deps(sender, undefined, undefined, { rotation, save, onTurn }),
      );
      assert.deepEqual(events, [
        '0 to 0',
        '1 to 0',
        '2 to 0',
        '3 to 0',
        '4 saved on 1',
        'turned',
        '4 to 1',
        '5 to 1',
        '6 saved on 1',
      ]);
    });

    test('waits for the first save after a resume', async () => {
      const sender = new RecordingSender();
      const clock = new ManualClock();
      const partitions: (number | undefined)[] = [];
      const rotation = turning(() => rotation.next() === 0);
      sender.before = async (_, records) =>
        void partitions.push(...records.map(({ partition }) => partition));
      const gate = deferred<void>();
      const source: Source<number> = {
        ...PLAIN,
        name: 'two',
        async *read() {
          yield { record: { key: null, value: Buffer.from('again') }, cursor: 8 };
          await gate.promise;
          yield { record: { key: null, value: Buffer.from('new') }, cursor: 9 };
        },
      };
      const options = { ...OPTIONS, lingerMs: 0 };
      const saved: (number | undefined)[] = [];
      const save = async (cursor: number | undefined) => void saved.push(cursor);
      const running = pump(source, 7, options, deps(sender, clock, undefined, { rotation, save }));
      await eventually(() => assert.deepEqual(partitions, [0]));
      await eventually(() => assert.equal(clock.sleeping, 1));
      clock.at(1000);
      await eventually(() => assert.deepEqual(saved, [8]));
      gate.resolve();
      await running;
      assert.deepEqual(partitions, [0, 1]);
    });

    test('that waits for a send that fails ends with it, also when more was read meanwhile', async () => {
      const sender = new RecordingSender();
      let at = 0;
      const rotation = turning(() => at === 2);
      const gate = deferred<void>();
      sender.before = () => gate.promise;
      const source = numbers(10, (pulled) => {
        at = pulled;
        if (at === 2) {
          setImmediate(() => gate.reject(new PipelineError('KAFKA_REJECTED', 'no right')));
        }
      });
      const options = { ...OPTIONS, sendSize: 1 };
      const running = pump(
        source,
        undefined,
        options,
        deps(sender, undefined, undefined, { rotation }),
      );
      const late = setTimeout(() => assert.fail('it waits for ever'), 5000);
      await assert.rejects(running, (error) => isCode(error, 'KAFKA_REJECTED'));
      clearTimeout(late);
    });

    test('does not happen when sending has failed', async () => {
      const sender = new RecordingSender();
      const rotation = turning(() => true);
      const saved: unknown[] = [];
      let asked = false;
      sender.before = async () => {
        throw new PipelineError('KAFKA_REJECTED', 'no right');
      };
      const late = {
        ...rotation,
        isDue: () => {
          const due = asked;
          asked = true;
          return due;
        },
      };
      const save = async () => void saved.push(rotation.next());
      const more = { rotation: late, save };
      const running = pump(
        numbers(10),
        undefined,
        OPTIONS,
        deps(sender, undefined, undefined, more),
      );
      await assert.rejects(running, (error) => isCode(error, 'KAFKA_REJECTED'));
      assert.deepEqual(saved, [0], 'saved at the end, on the partition of the unacknowledged');
    });
  });
});
