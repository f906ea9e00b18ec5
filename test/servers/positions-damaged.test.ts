// The position file deleted, cut, emptied, restored from an old copy, or taken from elsewhere: on real servers no row is lost or
// doubled, and what it holds of other tables stays. Each start is of a group of its own, so only the file can mislead.
import assert from 'node:assert/strict';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runPositions } from '../../consumer/positions/command.ts';
import { FilePositionStore, readPositionFile } from '../../consumer/positions/file.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { testSettings } from '../support/settings.ts';
import { posts, start, World } from '../support/world.ts';

const ELSEWHERE = 'default.elsewhere';

let world: World;
let settings: Settings;
let sent = 0;
before(async () => {
  settings = testSettings({ batch: { size: 2 } });
  world = await World.open(settings);
  await world.createTopic(settings.params.topic, 2);
});
after(() => world?.close());

/** Sends four more posts and consumes them as one of a new group. */
async function consumeMore(): Promise<void> {
  await world.send(settings.params.topic, posts(4, 2, sent));
  sent += 4;
  const { params } = settings;
  const consumer = { ...params.consumer, group: `${params.consumer.group}-${sent}` };
  const own = { ...settings, params: { ...params, consumer } };
  await start((deps) => runConsumerFromPosition(own, deps, { untilEnd: true })).done;
}

/** Everything sent is in the table once. */
async function isWhole(why: string): Promise<void> {
  const rows = sent / 2;
  const expected = [0, 1].map((partition) => ({
    ...{ partition, rows, distinct: rows, first: 0, last: rows - 1 },
  }));
  assert.deepEqual(await world.offsets(settings.params.table.name), expected, why);
}

/** Writes positions of another table into the file, as a consumer of it would. */
async function saveElsewhere(file: string, end: bigint): Promise<void> {
  const store = new FilePositionStore({
    ...{ file, destination: ELSEWHERE, log: silentLog, clock: systemClock },
  });
  await store.open(world.signal);
  for (const partition of [0, 1]) {
    const of = { topic: settings.params.topic, partition };
    await store.advance({ ...of, start: end - 2n, end, attempt: 'elsewhere' });
  }
  await store.close();
}

const positions = (action: Parameters<typeof runPositions>[2]) =>
  start((deps) => runPositions(settings, deps, action)).done;

test('R03 R04 R08: whatever becomes of the position file, every row is in the table once', async () => {
  const { file } = settings.params.positions;
  const old = `${file}.old`;
  const { database, name } = settings.params.table;
  await consumeMore();
  await saveElsewhere(file, 1000n);
  await copyFile(file, old);
  await consumeMore();
  const damages: Readonly<Record<string, () => Promise<void>>> = {
    deleted: () => rm(file),
    emptied: () => writeFile(file, ''),
    'cut in the middle': async () => {
      const whole = await readFile(file);
      await writeFile(file, whole.subarray(0, whole.length / 2));
    },
    'an old copy, of other tables too': () => copyFile(old, file),
    "another table's positions under this one's name": async () => {
      const { version, positions } = JSON.parse(String(await readFile(old)));
      const wrong = { [`${database}.${name}`]: positions[ELSEWHERE] };
      await writeFile(file, JSON.stringify({ version, positions: wrong }));
    },
    'without attempts': async () => {
      const text = String(await readFile(old));
      await writeFile(file, text.replaceAll(/,\s*"attempt": "[^"]*"/g, ''));
    },
  };
  for (const [damage, apply] of Object.entries(damages)) {
    await apply();
    await consumeMore();
    await isWhole(damage);
    if (!damage.startsWith('an old copy')) continue;
    const saved = (await readPositionFile(file)).filter((one) => one.destination === ELSEWHERE);
    assert.deepEqual(
      saved.map(({ range }) => range.end),
      [1000n, 1000n],
      'what other tables saved stays',
    );
  }
});

test('garbage in its place is refused and left alone; positions rebuild after moving it away gives the positions back', async () => {
  const { file } = settings.params.positions;
  await writeFile(file, '# my notes\n');
  await assert.rejects(consumeMore(), (error) => isCode(error, 'POSITION_CORRUPT'));
  assert.equal(await readFile(file, 'utf8'), '# my notes\n');
  await rm(file);
  await positions({ kind: 'rebuild' });
  const saved = await readPositionFile(file);
  // The last four were sent, and not consumed yet.
  const end = BigInt(sent / 2 - 2);
  assert.deepEqual(
    saved.map(({ range }) => range.end),
    [end, end],
  );
  await consumeMore();
  await isWhole('after rebuild');
});

test('positions set refuses what would double or lose rows, and --force records what is passed over', async () => {
  const at = BigInt(sent / 2);
  const set = (offset: bigint, force: boolean) =>
    positions({ kind: 'set', to: [{ partition: 0, offset }], force });
  await assert.rejects(set(at - 1n, true), (error) => isCode(error, 'USAGE'), 'backwards');
  await world.send(settings.params.topic, posts(4, 2, sent));
  await assert.rejects(set(at + 1n, false), (error) => isCode(error, 'POSITION_AHEAD'));
  await assert.rejects(set(at + 9n, true), (error) => isCode(error, 'POSITION_BEYOND_END'));
  await set(at + 1n, true);
  sent += 4;
  await consumeMore();
  const [first, second] = await world.offsets(settings.params.table.name);
  assert.equal(first?.rows, sent / 2 - 1, 'one is passed over');
  assert.equal(first?.rows, first?.distinct);
  assert.equal(second?.rows, sent / 2);
});
