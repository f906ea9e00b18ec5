// Consumers whose connections break without a word: the server goes on with what it was asked, and another consumer takes
// over meanwhile. Each consumer has a network of its own (test/chaos/nemesis).
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, type TestContext, test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import type { Settings } from '../../params/schema.ts';
import { Network } from '../chaos/nemesis/network.ts';
import { eventually } from '../support/eventually.ts';
import { heardLog } from '../support/heard-log.ts';
import { testSettings } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import { posts, start, World } from '../support/world.ts';

const { signal } = new AbortController();
const COUNT = 12;
const ONCE = [{ partition: 0, rows: COUNT, distinct: COUNT, first: 0, last: COUNT - 1 }];

const STATEMENTS = [
  ['an INSERT', 'INSERT INTO'],
  ['a commit', '/entry-v1/end-'],
  ['a LOAD DATA', 'LOAD DATA'],
] as const;

let world: World;
let network: Network;
before(async () => {
  world = await World.open(testSettings());
  network = await Network.open(stackEndpoints(), 2 * STATEMENTS.length);
});
after(async () => {
  await network?.close();
  await world?.close();
});

/** Settings of one of several consumers of the same topic and table, each with a group and positions of its own. */
function settingsOf(client: number, { params: common }: Settings): Settings {
  const { topic, table } = common;
  const consumer = { ...common.consumer, group: uniqueName('g') };
  const { params } = testSettings({ topic, table, batch: { size: COUNT }, consumer });
  return { params, config: network.config(client) };
}

/** Runs a consumer to the end of the topic; when the test is over, it is stopped at the latest. */
function consume(t: TestContext, settings: Settings) {
  const { log, until } = heardLog();
  const { done, stop } = start((deps) =>
    runConsumerFromPosition(settings, { ...deps, log }, { untilEnd: true }),
  );
  t.after(() => stop().catch(() => {}));
  return { done, until };
}

/** Names of what is staged for `table`. */
async function staged(table: string): Promise<string[]> {
  const rows = await world.hive.query(`SHOW PARTITIONS ${table}_staging`, signal);
  return rows.map((row) => String(Object.values(row)[0]));
}

describe('hive-insert on a connection that is half open', () => {
  for (const [index, [what, text]] of STATEMENTS.entries()) {
    const title = `${what} that runs after its client is gone and another consumer took over doubles nothing`;
    test(title, async (t) => {
      const [client, other] = [2 * index, 2 * index + 1];
      const common = testSettings({ consumer: { sink: 'hive-insert' } });
      const { topic, table } = common.params;
      await world.createTopic(topic, 1);
      await world.send(topic, posts(COUNT, 1));

      const release = await network.impose({ kind: 'hold', text, target: 'hive', client });
      const isSent = network.sent('hive', client, text);
      const cutOff = consume(t, settingsOf(client, common));
      await isSent;
      const halfOpen = { kind: 'half-open', direction: 'both' } as const;
      const end = await network.impose({ ...halfOpen, target: 'hive', client });
      network.resetClient('hive', client);
      await cutOff.until(/(staging|committing|placing) failed, trying again/);
      await consume(t, settingsOf(other, common)).done;
      assert.deepEqual(await world.offsets(table.name), ONCE);
      assert.deepEqual(await staged(table.name), []);

      const lostBefore = network.answersLost('hive', client);
      await release();
      await eventually(() => assert.ok(network.answersLost('hive', client) > lostBefore));
      if (text === 'INSERT INTO') {
        await eventually(async () => assert.equal((await staged(table.name)).length, 1));
      }
      assert.deepEqual(await world.offsets(table.name), ONCE);
      await end();
      await cutOff.done;
      assert.deepEqual(await world.offsets(table.name), ONCE);
      // Whatever came too late goes with the next start.
      await consume(t, settingsOf(other, common)).done;
      assert.deepEqual(await staged(table.name), []);
    });
  }
});

test('R09: with the NameNode away, ten attempts to write leave no handle open', async () => {
  const files = new WebHdfs(network.config(0).hdfs);
  const path = `/tmp/${uniqueName('away')}`;
  const handles = () => readdirSync('/proc/self/fd').length;
  await files.create(path, Buffer.from('x'), signal);
  const end = await network.impose({
    ...{ kind: 'cut', target: 'namenode', client: 0 },
  });
  await eventually(() =>
    assert.rejects(files.status(path, signal), { code: 'HDFS_UNAVAILABLE', message: /refused/ }),
  );
  const before = handles();
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await assert.rejects(files.create(`${path}-${attempt}`, Buffer.from('x'), signal), {
      code: 'HDFS_UNAVAILABLE',
    });
  }
  await eventually(() => assert.ok(handles() <= before, `${handles()} handles, before ${before}`));
  await end();
  assert.equal(String(await files.read(path, signal)), 'x');
  files.close();
});
