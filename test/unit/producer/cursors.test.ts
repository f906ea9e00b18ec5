// The cursor file: what it keeps for whom, and files that are not as they were left. The file itself: clients/json-file.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { isCode } from '../../../pipeline/errors.ts';
import { type Log, silentLog } from '../../../pipeline/log.ts';
import { CursorStore } from '../../../producer/cursors.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const signal = new AbortController().signal;
const T0 = Date.parse('2026-11-22T10:00:00Z');

class World {
  readonly file = join(mkdtempSync(join(tmpdir(), 'cursors-')), 'state', 'cursors.json');
  readonly clock = new ManualClock(T0);
  readonly logged: string[] = [];

  constructor() {
    process.on('exit', () => rmSync(dirname(dirname(this.file)), { recursive: true, force: true }));
  }

  store(sources: readonly string[], topic = 'posts'): CursorStore {
    const log: Log = { ...silentLog, warn: (message) => void this.logged.push(message) };
    return new CursorStore({ file: this.file, topic, sources, log, clock: this.clock });
  }

  /** What a producer with these sources finds. */
  async found(sources: readonly string[], topic = 'posts', fromStart = false) {
    const store = this.store(sources, topic);
    const saved = await store.open(fromStart, signal);
    await store.close();
    return saved;
  }

  put(text: string): void {
    mkdirSync(dirname(this.file), { recursive: true });
    writeFileSync(this.file, text);
  }
}

suite('the cursor file', () => {
  test('gives back what was saved, by topic and source, with the rotation and the time', async () => {
    const world = new World();
    const store = world.store(['bluesky', 'x']);
    assert.equal(await store.open(false, signal), undefined);
    world.clock.at(T0 + 5000);
    const cursor = { host: 'a', timeUs: 17, at: '2026-11-22T10:00:00Z' };
    await store.save({ bluesky: cursor }, { partition: 2, spentMs: 1500 });
    await store.close();
    assert.deepEqual(await world.found(['bluesky']), {
      cursors: { bluesky: cursor },
      rotation: { partition: 2, spentMs: 1500 },
      savedAt: T0 + 5000,
    });
    assert.equal(await world.found(['bluesky'], 'other'), undefined);
    assert.equal(await world.found(['mastodon']), undefined);
  });

  test('a source that ran and never saved has no cursor, and the time from which it may have sent', async () => {
    const world = new World();
    await world.found(['x']);
    world.clock.at(T0 + 60_000);
    const saved = await world.found(['x']);
    assert.deepEqual(saved, { cursors: {}, rotation: undefined, savedAt: T0 });
  });

  test('sources that do not run keep their cursors; the earliest time of those that run counts', async () => {
    const world = new World();
    const first = world.store(['a', 'b']);
    await first.open(false, signal);
    await first.save({ a: 1, b: 1 }, undefined);
    world.clock.at(T0 + 1000);
    await first.save({ a: 2, b: 1 }, undefined);
    await first.close();
    const second = world.store(['a']);
    await second.open(false, signal);
    world.clock.at(T0 + 9000);
    await second.save({ a: 3 }, undefined);
    await second.close();
    const saved = await world.found(['a', 'b']);
    assert.deepEqual(saved, { cursors: { a: 3, b: 1 }, rotation: undefined, savedAt: T0 });
    assert.equal((await world.found(['a']))?.savedAt, T0 + 9000);
  });

  test('a cursor that stands still keeps its time', async () => {
    const world = new World();
    const store = world.store(['a']);
    await store.open(false, signal);
    await store.save({ a: { id: '1' } }, undefined);
    world.clock.at(T0 + 9000);
    await store.save({ a: { id: '1' } }, undefined);
    await store.close();
    assert.equal((await world.found(['a']))?.savedAt, T0);
  });

  test('--from-start forgets the sources that run, and no others', async () => {
    const world = new World();
    const store = world.store(['a', 'b']);
    await store.open(false, signal);
    await store.save({ a: 1, b: 1 }, { partition: 1, spentMs: 1 });
    await store.close();
    world.clock.at(T0 + 1000);
    assert.equal(await world.found(['a'], 'posts', true), undefined);
    const saved = await world.found(['a', 'b']);
    assert.deepEqual([saved?.cursors, saved?.rotation], [{ b: 1 }, undefined]);
  });

  test('names that mean something to a path or an object are kept as they are', async () => {
    const world = new World();
    for (const topic of ['__proto__', 'a.b-c_d', 'constructor']) {
      const name = 'mastodon m.example/[x] #größe';
      const store = world.store([name], topic);
      await store.open(false, signal);
      await store.save({ [name]: { id: '1' } }, undefined);
      await store.close();
      assert.deepEqual((await world.found([name], topic))?.cursors, { [name]: { id: '1' } });
    }
  });

  test('a second process is refused', async () => {
    const world = new World();
    const store = world.store(['a']);
    await store.open(false, signal);
    await assert.rejects(
      world.store(['b']).open(false, signal),
      (error) => isCode(error, 'POSITION_LOCKED') && /producer\.cursorFile/.test(error.hint ?? ''),
    );
    await store.close();
  });

  test('a file that was cut off is moved aside and told, and the sources start afresh', async () => {
    const world = new World();
    const store = world.store(['a']);
    await store.open(false, signal);
    await store.save({ a: 1 }, undefined);
    await store.close();
    truncateSync(world.file, 40);
    assert.equal(await world.found(['a']), undefined);
    assert.match(world.logged.join(), /cut off and moved aside/);
  });

  test("a file that is somebody else's is refused by name and left as it is", async () => {
    const world = new World();
    for (const text of [
      '{"version":2,"topics":{}}',
      '{"version":1}',
      '{"version":1,"topics":[]}',
      '{"version":1,"topics":{"posts":{}}}',
      '{"version":1,"topics":{"posts":{"sources":{"a":{"cursor":1}}}}}',
      '{"version":1,"topics":{"posts":{"sources":{"a":null}}}}',
      '{"version":1,"topics":{"posts":{"sources":{},"rotation":{"partition":-1,"spentMs":0}}}}',
      '{"topics":{}}',
      'notes',
    ]) {
      world.put(text);
      await assert.rejects(
        world.found(['a']),
        (error) => isCode(error, 'POSITION_CORRUPT') && /cursors\.json/.test(error.message),
        text,
      );
      assert.equal(readFileSync(world.file, 'utf8'), text);
    }
  });
});
