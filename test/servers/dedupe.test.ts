// `consumer.dedupe` on real servers: which records become rows depends on the log alone, not on batches or restarts.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Settings } from '../../params/schema.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { post, start, World } from '../support/world.ts';

const WINDOW = 25;
const RECORDS = 150;

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** Some posts come again 5, 25 or 26 records later, so some twice within the window. */
function ids(): number[] {
  const behind = [0, 0, 5, 0, WINDOW, 0, WINDOW + 1];
  const found: number[] = [];
  for (let at = 0; at < RECORDS; at += 1) {
    found.push(found[at - (behind[at % behind.length] ?? 0)] ?? at);
  }
  return found;
}

/** The offsets that become rows: those whose id does not stand within the window before them. */
const fresh = (all: readonly number[]) =>
  all.flatMap((id, at) => (all.slice(Math.max(0, at - WINDOW), at).includes(id) ? [] : [at]));

const untilEnd = (settings: Settings) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

async function rows(settings: Settings): Promise<number[]> {
  const { database, name } = settings.params.table;
  const sql = `SELECT kafka_offset AS o FROM \`${database}\`.\`${name}\``;
  const found = await world.hive.query(sql, world.signal);
  return found.map((row) => Number(row['o'])).sort((a, b) => a - b);
}

test('repeats within the window are skipped, the same ones in one run and over restarts, and all is accounted for', async () => {
  const dedupe = { window: WINDOW };
  const topic = uniqueName('posts');
  const often = testSettings({ topic, batch: { size: 7 }, consumer: { dedupe } });
  const once = testSettings({ topic, batch: { size: 60 }, consumer: { dedupe } });
  const all = ids();
  const expected = fresh(all);
  await world.createTopic(topic, 1);
  const skipped: number[] = [];
  for (let from = 0; from < RECORDS; from += 50) {
    await world.send(
      topic,
      all.slice(from, from + 50).map((id) => post(id)),
    );
    skipped.push((await untilEnd(often)).skipped);
  }
  assert.ok(skipped.every((count) => count > 0));
  const whole = await untilEnd(once);
  assert.deepEqual([whole.rows, whole.skipped], [expected.length, RECORDS - expected.length]);
  assert.deepEqual(await rows(often), expected);
  assert.deepEqual(await rows(once), expected);
  const lines: string[] = [];
  await start(
    (deps) => runVerify(often, deps, { readTopic: true }),
    (line) => lines.push(line),
  ).done;
  const sums = `${RECORDS} = ${expected.length} + 0 + ${RECORDS - expected.length}`;
  assert.ok(
    lines.some((line) => line.includes(`${sums}; 0 missing, 0 doubled`)),
    `${lines}`,
  );
});

test('O03: the window is what the log still holds of it, and never what lies in front of the first position', async () => {
  const dedupe = { by: '$key' };
  const settings = testSettings({ consumer: { dedupe, from: '10' } });
  const { topic } = settings.params;
  await world.createTopic(topic, 1);
  // Offsets 0 to 9, and 10 to 19 with the same keys: only the latter are the table's.
  await world.send(
    topic,
    Array.from({ length: 20 }, (_, at) => post(at % 10)),
  );
  assert.equal((await untilEnd(settings)).rows, 10);
  await world.deleteRecords(topic, 0, 15n);
  await world.send(
    topic,
    Array.from({ length: 10 }, (_, at) => post(at)),
  );
  const { rows: placed, skipped } = await untilEnd(settings);
  assert.deepEqual([placed, skipped], [5, 5], 'keys 0 to 4 are gone from the log');
});
