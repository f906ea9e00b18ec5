// A file that is rotated in the very moment in which a restarted reader looks for its place.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Files, Reading, source } from './lines-world.ts';

const TURNS = 60;
const FILLER = 'x'.repeat(1200);
const files = new Files();
after(() => files.dispose());

test('a rotation at any moment of a restart loses nothing', async () => {
  for (let turns = 0; turns < TURNS; turns += 1) {
    const path = files.write(`${turns}.log`, `one ${FILLER}\ntwo\nthree\n`);
    const before = new Reading(source([path], { follow: true }));
    await before.take(1);
    await before.stop();
    const reading = new Reading(source([path], { follow: true }), before.cursor);
    const lines = reading.take(3);
    lines.catch(() => undefined);
    for (let turn = 0; turn < turns; turn += 1) await setImmediate();
    renameSync(path, `${path}.1`);
    files.write(`${turns}.log`, `four ${FILLER}\n`);
    const ended = setTimeout(() => void reading.stop(), 5000);
    assert.deepEqual(await lines, ['two', 'three', `four ${FILLER}`], `after ${turns} turns`);
    clearTimeout(ended);
    await reading.stop();
  }
});
