// A log that grows and is rotated in each of the usual ways, while it is read and while nobody reads.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { after, suite, test } from 'node:test';
import { setTimeout as setTimeoutAsync } from 'node:timers/promises';
import { Files, Reading, source } from './lines-world.ts';

const worlds: Files[] = [];

after(() => {
  for (const files of worlds) files.dispose();
});

function newFiles(): Files {
  const files = new Files();
  worlds.push(files);
  return files;
}

const follow = (path: string) => source([path], { follow: true });

/** Longer than what a file is known by, so that every way to find it again is used. */
const FILLER = 'x'.repeat(1200);

/** The ways a log is rotated; `app.log` holds two lines and is then written anew with `fresh`. */
const ROTATIONS: Readonly<Record<string, (files: Files, fresh: string) => void>> = {
  'renamed and created anew': (files, fresh) => {
    renameSync(files.path('app.log'), files.path('app.log.1'));
    files.write('app.log', fresh);
  },
  'copied and truncated': (files, fresh) => {
    copyFileSync(files.path('app.log'), files.path('app.log.1'));
    truncateSync(files.path('app.log'));
    files.append('app.log', fresh);
  },
};

suite('a file that is followed', () => {
  test('gives what is added, and a line only when it is whole', async () => {
    const files = newFiles();
    const reading = new Reading(follow(files.write('app.log', 'one\ntw')));
    assert.deepEqual(await reading.take(1), ['one']);
    const next = reading.take(2);
    files.append('app.log', 'o\nthree\nfo');
    assert.deepEqual(await next, ['two', 'three']);
    await reading.stop();
    assert.equal(reading.cursor?.at.offset, 'one\ntwo\nthree\n'.length);
  });

  for (const [way, rotate] of Object.entries(ROTATIONS)) {
    test(`${way} while it is read: every line once, in order`, async () => {
      const files = newFiles();
      const path = files.write('app.log', `one ${FILLER}\n`);
      const reading = new Reading(follow(path));
      await reading.take(1);
      for (const round of [1, 2, 3]) {
        const lines = reading.take(2);
        files.append('app.log', `last of ${round}\n`);
        rotate(files, `first after ${round}\n`);
        assert.deepEqual(await lines, [`last of ${round}`, `first after ${round}`]);
      }
      await reading.stop();
    });

    test(`${way} while nobody reads: what was behind the cursor comes first`, async () => {
      const files = newFiles();
      const path = files.write('app.log', `one ${FILLER}\ntwo\nthree\n`);
      const before = new Reading(follow(path));
      await before.take(2);
      await before.stop();
      rotate(files, 'fresh\n');
      const reading = new Reading(follow(path), before.cursor);
      assert.deepEqual(await reading.take(2), ['three', 'fresh']);
      await reading.stop();
    });
  }

  test('rotated several times while nobody reads, the old ones packed: nothing is missing', async () => {
    const files = newFiles();
    const old = files.write('app.log.4', 'older than all of it\n');
    const path = files.path('app.log');
    writeAfter(old, files, 'app.log', `one ${FILLER}\ntwo\n`);
    const before = new Reading(follow(path));
    await before.take(1);
    await before.stop();
    renameSync(path, files.path('app.log.3'));
    writeAfter(files.path('app.log.3'), files, 'app.log', 'three\n');
    pack(files, 'app.log.3');
    renameSync(path, files.path('app.log.2'));
    writeAfter(files.path('app.log.2'), files, 'app.log', 'four\n');
    pack(files, 'app.log.2');
    renameSync(path, files.path('app.log.1'));
    writeAfter(files.path('app.log.1'), files, 'app.log', 'five\n');
    const reading = new Reading(follow(path), before.cursor);
    assert.deepEqual(await reading.take(4), ['two', 'three', 'four', 'five']);
    await reading.stop();
  });

  test('the cursor of a file that was rotated away meanwhile resumes there, too', async () => {
    const files = newFiles();
    const path = files.write('app.log', `one ${FILLER}\ntwo\nthree\n`);
    const first = new Reading(follow(path));
    await first.take(1);
    await first.stop();
    ROTATIONS['renamed and created anew']?.(files, 'four\n');
    const second = new Reading(follow(path), first.cursor);
    assert.deepEqual(await second.take(1), ['two']);
    await second.stop();
    const third = new Reading(follow(path), second.cursor);
    assert.deepEqual(await third.take(2), ['three', 'four']);
    await third.stop();
  });

  test('when the file of the cursor is gone, that is told as a gap, and the new one is read', async () => {
    const files = newFiles();
    const path = files.write('app.log', 'one\ntwo\n');
    const before = new Reading(follow(path));
    await before.take(1);
    await before.stop();
    rmSync(path);
    files.write('other.log', 'keeps the number of the old file from being used again');
    files.write('app.log', 'fresh\n');
    const from = follow(path);
    const reading = new Reading(from, before.cursor);
    assert.deepEqual(await reading.take(1), ['fresh']);
    assert.match(from.gaps[0]?.why ?? '', /rotated away/);
    await reading.stop();
  });

  test('when only the file of the cursor is gone, those rotated after it are still read', async () => {
    const files = newFiles();
    const old = files.write('app.log.9', 'older than all of it\n');
    const path = files.path('app.log');
    writeAfter(old, files, 'app.log', 'one\ntwo\n');
    const before = new Reading(follow(path));
    await before.take(1);
    await before.stop();
    renameSync(path, files.path('app.log.2'));
    writeAfter(files.path('app.log.2'), files, 'app.log', 'three\n');
    rmSync(files.path('app.log.2'));
    renameSync(path, files.path('app.log.1'));
    writeAfter(files.path('app.log.1'), files, 'app.log', 'four\n');
    const from = follow(path);
    const reading = new Reading(from, before.cursor);
    assert.deepEqual(await reading.take(2), ['three', 'four']);
    assert.equal(from.gaps.length, 1);
    await reading.stop();
  });

  test('a file that is not there yet when a producer resumes is waited for, and the wait can be ended', async () => {
    const files = newFiles();
    const path = files.write('app.log', 'one\n');
    const before = new Reading(follow(path));
    await before.take(1);
    await before.stop();
    rmSync(path);
    const ended = new Reading(follow(path), before.cursor);
    const nothing = ended.take(1);
    await ended.stop();
    assert.deepEqual(await nothing, []);
    const from = follow(path);
    const reading = new Reading(from, before.cursor);
    const next = reading.take(1);
    setTimeout(() => files.write('app.log', 'fresh\n'), 250);
    assert.deepEqual(await next, ['fresh']);
    assert.equal(from.gaps.length, 1);
    await reading.stop();
  });

  test('a file that was truncated and has grown past the place before it is looked at is read from its beginning', async () => {
    const files = newFiles();
    const reading = new Reading(follow(files.write('app.log', 'one\n')));
    await reading.take(1);
    const lines = reading.take(3);
    await setTimeoutAsync(50);
    ROTATIONS['copied and truncated']?.(files, 'a longer first line\nsecond\nthird\n');
    assert.deepEqual(await lines, ['a longer first line', 'second', 'third']);
    await reading.stop();
  });
});

/** Writes a file so that it was surely written after `other`: times on a disk have a grain. */
function writeAfter(other: string, files: Files, name: string, text: string): void {
  const written = (path: string) => Math.floor(statSync(path).mtimeMs);
  do files.write(name, text);
  while (written(files.path(name)) <= written(other));
}

/** Packs a file in place; its time is kept to the nanosecond, which Node's own `utimes` rounds. */
function pack(files: Files, name: string): void {
  execFileSync('gzip', [files.path(name)]);
}
