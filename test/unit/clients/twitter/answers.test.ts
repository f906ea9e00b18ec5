// What X says beside its answers, and what ids tell of time.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { XAnswers } from '../../../../clients/twitter/answers.ts';
import { idAt, parseId, timeOf } from '../../../../clients/twitter/snowflake.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import { heardLog } from '../../../support/heard-log.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const supply = (remaining: number) => ({
  'x-rate-limit-limit': '100',
  'x-rate-limit-remaining': String(remaining),
  'x-rate-limit-reset': '1763000000',
});

suite('answers of X', () => {
  test('a rate limit is logged when it is first seen and when its state changes', () => {
    const { log, lines } = heardLog();
    const answers = new XAnswers(log, new ManualClock());
    for (const remaining of [99, 50, 10, 9, 3, 0, 0, 99])
      answers.heard('search', supply(remaining));
    answers.heard('looks at rules', {});
    const told = lines.map((line) => /(\d+) left until (\S+)/.exec(line)?.slice(1));
    const until = '2025-11-13T02:13:20.000Z';
    assert.deepEqual(told, [
      ['99', until],
      ['9', until],
      ['0', until],
      ['99', until],
    ]);
  });

  test('its time is ours until it has told its own', () => {
    const clock = new ManualClock(5_000_000);
    const answers = new XAnswers(silentLog, clock);
    assert.equal(answers.now(), 5_000_000);
    answers.heard('search', { date: new Date(1_000_000).toUTCString() });
    clock.at(5_000_500);
    assert.equal(answers.now(), 1_000_500);
    answers.heard('search', { date: 'nonsense' });
    assert.equal(answers.now(), 1_000_500);
  });

  test('an id tells its time to the millisecond', () => {
    assert.equal(timeOf(1_541_815_603_606_036_480n), Date.parse('2022-06-28T16:07:40.105Z'));
    assert.equal(timeOf(idAt(1_763_000_000_123)), 1_763_000_000_123);
    assert.equal(timeOf(idAt(1_763_000_000_123) - 1n), 1_763_000_000_122);
    assert.equal(idAt(0), 0n);
  });

  test('what is no id of a post is none', () => {
    for (const value of [undefined, 17, '', '12a', '-1', '9'.repeat(20)]) {
      assert.equal(parseId(value), undefined);
    }
  });
});
