// Restarting consumer-from-position on a table with a long ledger: no directory is listed, and the position is found by few
// requests, whatever has become of the position file. `npm run bench -- restart` measures it on 10,000 entries.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Settings } from '../../params/schema.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { restart, savePosition, writeLedger } from '../support/restart.ts';
import { testSettings } from '../support/settings.ts';
import { posts, World } from '../support/world.ts';

const ENTRIES = 120;
const lengths = Array.from({ length: ENTRIES }, (_, at) => 1 + ((at * 7) % 5));

let world: World;
let settings: Settings;
let entries: BatchRecord[];
before(async () => {
  settings = testSettings({ batch: { size: 5 } });
  world = await World.open(settings);
  await world.createTopic(settings.params.topic, 1);
  await world.send(
    settings.params.topic,
    posts(
      lengths.reduce((sum, length) => sum + length),
      1,
    ),
  );
  entries = await writeLedger(settings, lengths);
});
after(() => world?.close());

const withGroup = (group: string): Settings => ({
  ...settings,
  params: { ...settings.params, consumer: { ...settings.params.consumer, group } },
});
const total = (requests: Readonly<Record<string, number>>) =>
  Object.values(requests).reduce((sum, count) => sum + count, 0);

/** Restarts; no directory is listed. Gives the number of requests to HDFS until the first batch was placed. */
async function requestsOf(own: Settings, said: (text: string) => void): Promise<number> {
  await world.send(own.params.topic, posts(5, 1));
  const { ms, requests } = await restart(own);
  said(`${Math.round(ms)} ms from the join to the first batch placed; ${JSON.stringify(requests)}`);
  assert.equal(requests['LISTSTATUS'], undefined);
  return total(requests);
}

test('with its position file, with the group alone, and with neither, a restart lists nothing', async (context) => {
  const { file } = settings.params.positions;
  const said = (text: string) => context.diagnostic(text);
  await savePosition(settings, entries.at(-1) ?? assert.fail());
  const stored = await requestsOf(settings, said);
  assert.ok(stored <= 40, `${stored} requests`);
  await rm(file);
  const group = await requestsOf(settings, said);
  assert.ok(group <= stored + 6, `the group's offset is as good a hint: ${group} requests`);
  await savePosition(settings, entries[ENTRIES / 2] ?? assert.fail());
  const stale = await requestsOf(settings, said);
  assert.ok(stale <= stored + 6, `the farther of both counts: ${stale} requests`);
  await rm(file);
  const neither = await requestsOf(withGroup(`${settings.params.consumer.group}-new`), said);
  assert.ok(neither > stored && neither <= 4 * ENTRIES, `the chain is walked: ${neither} requests`);
  const [found] = await world.offsets(settings.params.table.name);
  assert.equal(found?.rows, found?.distinct);
  assert.equal(found?.first, Number(entries.at(-1)?.end));
  assert.equal(found?.rows, 4 * 5);
});
