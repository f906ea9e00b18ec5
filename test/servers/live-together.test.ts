// Live consumers of one group that start at the same moment: each finds the group empty, and still nothing is passed over that
// came after the first of them had begun.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GroupPositions } from '../../consumer/positions/group.ts';
import { runConsumer } from '../../consumer/run.ts';
import { tableJob } from '../../consumer/table-job.ts';
import type { Settings } from '../../params/schema.ts';
import { deferred } from '../../pipeline/retry.ts';
import { eventually } from '../support/eventually.ts';
import { heardLog } from '../support/heard-log.ts';
import { testSettings } from '../support/settings.ts';
import { posts, start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

/** A live consumer that has looked at topic and group and waits in front of the join until the test lets it. */
async function waiting({ params, config }: Settings) {
  const [atDoor, door] = [deferred<void>(), deferred<void>()];
  const group = params.consumer.liveGroup;
  const heard = heardLog();
  const running = start((deps) =>
    runConsumer(
      {
        ...{ settings: { params, config }, topics: [params.topic], group },
        ...tableJob({ params, config }, params.table.liveName),
        ...{ live: true, untilEnd: false },
        openPositions: (commit, admin) => {
          const positions = new GroupPositions({ group, admin, commit });
          const open = () => {
            atDoor.resolve();
            return door.promise;
          };
          return Object.assign(positions, { open });
        },
      },
      { ...deps, log: heard.log },
    ),
  );
  await Promise.race([atDoor.promise, running.done]);
  return { ...running, ...heard, join: () => door.resolve() };
}

test('of two live consumers that both found the group empty, the second goes on where the first began', async () => {
  // Five records are no batch yet: only the signature tells that the first has begun.
  const settings = testSettings({ batch: { size: 10, idleMsMax: 600_000, ageMsMax: 600_000 } });
  const { topic, table } = settings.params;
  await world.createTopic(topic, 2);
  await world.send(topic, posts(10, 2));
  const first = await waiting(settings);
  // Five records a partition that the first is to read, and the second would pass over.
  await world.send(topic, posts(10, 2, 10));
  const second = await waiting(settings);
  first.join();
  await first.until(/reading from.*position=5 /, 2);
  second.join();
  await second.until(/reading from.*position=5 /);
  await world.send(topic, posts(10, 2, 20));
  const expected = [0, 1].map((partition) => ({
    ...{ partition, rows: 10, distinct: 10, first: 5, last: 14 },
  }));
  await eventually(async () => assert.deepEqual(await world.offsets(table.liveName), expected));
  await Promise.all([first.stop(), second.stop()]);
});
