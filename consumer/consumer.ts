// The live consumer: packs what arrives while it runs into batches and inserts them into Hive. What was sent while no
// live consumer ran is passed over; the jump is recorded in the ledger.
import type { Settings } from '../params/schema.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import { GroupPositions } from './positions/group.ts';
import { type ConsumerSummary, runConsumer } from './run.ts';
import { tableJob } from './table-job.ts';

/** Runs until told to stop. Throws what connecting, the table and the topic can throw. */
export function runLiveConsumer(
  settings: Settings,
  deps: CommandDeps,
  observer?: ConsumerObserver,
): Promise<ConsumerSummary> {
  const { params } = settings;
  const group = params.consumer.liveGroup;
  return runConsumer(
    {
      settings,
      topics: [params.topic],
      group,
      ...tableJob(settings, params.table.liveName),
      live: true,
      untilEnd: false,
      observer,
      openPositions: (commit, admin) => new GroupPositions({ group, admin, commit }),
    },
    deps,
  );
}
