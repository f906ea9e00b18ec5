// Which file of a location grows: rolled at its size, gone on with after a restart, never backwards, looked up again at times.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DirectoryEntry } from '../../../../clients/files/file-system.ts';
import {
  GrowingNames,
  growingName,
  isGrowingName,
} from '../../../../consumer/sinks/growing-names.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const signal = new AbortController().signal;
const file = (name: string, bytes: number): DirectoryEntry => ({ name, type: 'file', bytes });

function names(found: () => DirectoryEntry[] | undefined, isGzip = false) {
  const clock = new ManualClock();
  const state = { looks: 0, fails: false };
  const made = new GrowingNames({
    list: async () => {
      state.looks += 1;
      if (state.fails) throw new Error('no answer');
      return found();
    },
    ...{ isGzip, bytesMax: 100, clock },
  });
  const choose = (bytes: number, location = 'FR/Paris') => made.choose(location, bytes, signal);
  return { choose, clock, state };
}

test('a file takes parts up to its size, then the next one begins; a larger part has a file of its own', async () => {
  const { choose, state } = names(() => undefined);
  const chosen = [];
  for (const bytes of [60, 40, 1, 99, 300, 10]) chosen.push(await choose(bytes));
  assert.deepEqual(chosen, [
    'alerts.json',
    'alerts.json',
    'alerts-000001.json',
    'alerts-000001.json',
    'alerts-000002.json',
    'alerts-000003.json',
  ]);
  assert.equal(state.looks, 1, 'the directory is listed once');
});

test('a restart goes on with the last file that stands, of its own compression', async () => {
  const found = [file('alerts.json', 100), file('alerts-000002.json', 50), file('x.json', 1)];
  assert.equal(await names(() => found).choose(50), 'alerts-000002.json');
  assert.equal(await names(() => found).choose(51), 'alerts-000003.json');
  assert.equal(await names(() => found, true).choose(1), 'alerts.json.gz');
});

test('several topic partitions that ask at once share one look and one count', async () => {
  const { choose, state } = names(() => undefined);
  const chosen = await Promise.all([choose(60), choose(60), choose(60)]);
  assert.deepEqual(chosen.sort(), ['alerts-000001.json', 'alerts-000002.json', 'alerts.json']);
  assert.equal(state.looks, 1);
});

test('what others let grow is seen after a while, and a number never goes back', async () => {
  let found = [file('alerts.json', 90)];
  const { choose, clock } = names(() => found);
  assert.equal(await choose(20), 'alerts-000001.json');
  clock.at(31_000);
  assert.equal(await choose(20), 'alerts-000001.json', 'ours is staged and not placed yet');
  found = [...found, file('alerts-000004.json', 10)];
  clock.at(62_000);
  assert.equal(await choose(20), 'alerts-000004.json');
});

test('a look that fails is not remembered', async () => {
  const { choose, state } = names(() => undefined);
  state.fails = true;
  await assert.rejects(choose(1));
  state.fails = false;
  assert.equal(await choose(1), 'alerts.json');
});

test('names that grow are told from those of batches', () => {
  for (const name of [growingName(0, false), growingName(0, true), growingName(12, true)]) {
    assert.ok(isGrowingName(name), name);
  }
  assert.equal(isGrowingName('alerts+0+0000000000000000000+0000000000000000010.json'), false);
});
