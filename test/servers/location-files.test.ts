// The hdfs-consumer on real Kafka and real HDFS, and into a directory of this machine: every record of several topics is in the
// file of its location once, whole and in order, in every layout.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runHdfsConsumer } from '../../consumer/hdfs-consumer.ts';
import {
  alerts,
  linesOf,
  locationSettings,
  mustBeTidy,
  mustHoldOnce,
  newPlace,
  readTree,
} from '../support/locations.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

async function filledTopic(count: number, partitions: number): Promise<string> {
  const topic = uniqueName('alerts');
  await world.createTopic(topic, partitions);
  await world.send(topic, alerts(count, partitions));
  return topic;
}

for (const kind of ['HDFS', 'local'] as const) {
  for (const compression of ['none', 'gzip'] as const) {
    for (const layout of ['grow', 'batches'] as const) {
      test(`two topics end in the files of their locations, each record once: ${kind}, ${layout}, ${compression}`, async () => {
        const topics = [await filledTopic(120, 2), await filledTopic(120, 2)];
        const place = newPlace(kind);
        const settings = locationSettings(place, topics, { layout, compression, batchSize: 25 });
        const run = () => start((deps) => runHdfsConsumer(settings, deps, { untilEnd: true })).done;
        const { rows, deadLetters } = await run();
        assert.deepEqual([rows, deadLetters], [240, 0]);
        const tree = await readTree(place);
        const lines = linesOf(tree);
        mustHoldOnce(lines, 4, 60);
        assert.equal(new Set(lines.map(({ file }) => file.replace(/\/[^/]*$/, ''))).size, 8);
        const ending = compression === 'gzip' ? 'json.gz' : 'json';
        const wanted = layout === 'grow' ? `alerts.${ending}` : `.${ending}`;
        for (const name of tree.keys()) assert.ok(name.endsWith(wanted), name);
        assert.equal((await run()).rows, 0, 'nothing is read twice');
        await mustBeTidy(place);
      });
    }
  }
}
