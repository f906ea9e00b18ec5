// How often what was acknowledged is saved, with the clock in hand.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { deferred } from '../../../pipeline/retry.ts';
import { Saver } from '../../../producer/saver.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

suite('saver', () => {
  test('saves the newest point about once a second, however many come', async () => {
    const clock = new ManualClock();
    const saved: number[] = [];
    const saver = new Saver<number>(async (point) => void saved.push(point), clock);
    for (let at = 0; at < 3000; at += 10) {
      saver.put(at);
      clock.at(at);
      if (at % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
      await Promise.resolve();
    }
    await eventually(() => assert.ok(saved.length > 0));
    assert.ok(saved.length <= 3, `${saved}`);
    await saver.flush();
    assert.equal(saved.at(-1), 2990);
    saver.close();
    assert.equal(clock.sleeping, 0);
  });

  test('one save at a time, and flush waits for the newest', async () => {
    let running = 0;
    const saved: number[] = [];
    const gate = deferred<void>();
    const save = async (point: number) => {
      running += 1;
      assert.equal(running, 1);
      await gate.promise;
      saved.push(point);
      running -= 1;
    };
    const saver = new Saver<number>(save, new ManualClock());
    saver.put(1);
    const first = saver.flush();
    await eventually(() => assert.equal(running, 1));
    saver.put(2);
    const second = saver.flush();
    gate.resolve();
    await Promise.all([first, second, saver.flush()]);
    assert.deepEqual(saved, [1, 2]);
    saver.close();
  });

  test('a save that fails is told, and nothing is saved behind it', async () => {
    const clock = new ManualClock();
    const full = new Error('disk full');
    let saves = 0;
    const save = async () => {
      saves += 1;
      throw full;
    };
    const saver = new Saver<number>(save, clock);
    saver.put(1);
    await eventually(() => assert.equal(clock.sleeping, 1));
    clock.at(1000);
    await assert.rejects(saver.failed, full);
    saver.put(2);
    await assert.rejects(saver.flush(), full);
    assert.equal(saves, 1);
    saver.close();
  });
});
