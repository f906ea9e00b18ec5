// The consumer that continues: from the position after the last committed batch, whatever happened to it before; and on
// its first start from the beginning, the end, an offset or a time.
import type { Settings } from '../params/schema.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import type { ConsumerObserver } from '../pipeline/observer.ts';
import type { Delivery } from './deliver.ts';
import { openPositionStore } from './positions/index.ts';
import { type ConsumerSummary, runConsumer } from './run.ts';
import { tableJob } from './table-job.ts';

export interface FromPositionOptions {
  /** End when everything that was in the topic at the start is placed. */
  readonly untilEnd?: boolean;
  /** Pass over the records between the position and a `--from` that lies ahead of it; the jump is recorded. */
  readonly force?: boolean;
  /** Puts something in the way of every delivery; for the crash suite and the chaos run. */
  readonly rewire?: (delivery: Delivery) => Delivery;
  readonly observer?: ConsumerObserver | undefined;
}

/** Runs until told to stop, or until the end with `untilEnd`. Throws what connecting, the table and the topic can throw. */
export function runConsumerFromPosition(
  settings: Settings,
  deps: CommandDeps,
  { untilEnd = false, force = false, rewire, observer }: FromPositionOptions = {},
): Promise<ConsumerSummary> {
  const { params } = settings;
  return runConsumer(
    {
      settings,
      topics: [params.topic],
      group: params.consumer.group,
      ...tableJob(settings, params.table.name),
      live: false,
      untilEnd,
      force,
      openPositions: (commit, admin) =>
        openPositionStore(settings, { commit, admin, log: deps.log }),
      ...(rewire ? { rewire } : {}),
      observer,
    },
    deps,
  );
}
