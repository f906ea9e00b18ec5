// Two consumers on one topic partition and one table at the same time, each of a group of its own: whoever commits a batch
// first has it, and the other one goes on behind it. For every sink.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import type { Settings } from '../../params/schema.ts';
import { testSettings } from '../support/settings.ts';
import { posts, start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world?.close());

/** The same job as another process would run it: another group, and a position file of its own. */
function beside({ params, config }: Settings): Settings {
  const consumer = { ...params.consumer, group: `${params.consumer.group}-beside` };
  const positions = { ...params.positions, file: `${params.positions.file}-beside` };
  return { params: { ...params, consumer, positions }, config };
}

const SINKS = [
  { sink: 'hive-load', where: 'HDFS', batches: 12 },
  { sink: 'hive-load', where: 'a local directory', batches: 12 },
  { sink: 'hive-insert', where: 'HiveServer2 alone', batches: 4 },
] as const;

for (const { sink, where, batches } of SINKS) {
  test(`two consumers of one topic partition double nothing: ${sink} on ${where}`, async (context) => {
    const table: { location?: string } = {};
    if (where === 'a local directory') {
      const directory = await mkdtemp(join(tmpdir(), 'kh-two-writers-'));
      context.after(() => rm(directory, { recursive: true }));
      table.location = `file:${directory}`;
    }
    const base = testSettings({ batch: { size: 5 }, consumer: { sink } });
    const settings = {
      ...base,
      params: { ...base.params, table: { ...base.params.table, ...table } },
    };
    const { topic } = settings.params;
    const count = batches * 5;
    await world.createTopic(topic, 1);
    await world.send(topic, posts(count, 1));
    const jobs = [settings, beside(settings)].map((own) =>
      start((deps) => runConsumerFromPosition(own, deps, { untilEnd: true })),
    );
    const summaries = await Promise.all(jobs.map(({ done }) => done));
    const delivered = summaries.map((summary) => summary.batches);
    context.diagnostic(`batches delivered by each, the other's included: ${delivered.join(', ')}`);
    assert.deepEqual(await world.offsets(settings.params.table.name), [
      { partition: 0, rows: count, distinct: count, first: 0, last: count - 1 },
    ]);
  });
}
