// The part of a job that the two consumers of a Hive table share: what its destination is called, and how its sink is opened.
import type { Settings } from '../params/schema.ts';
import type { ConsumerJob } from './open.ts';
import { openSink } from './sinks/index.ts';

/** For table `name` of `params.table.database`. */
export function tableJob(
  settings: Settings,
  name: string,
): Pick<ConsumerJob, 'destination' | 'openSink'> {
  return {
    destination: `${settings.params.table.database}.${name}`,
    openSink: (deps, signal) => openSink(settings, name, deps, signal),
  };
}
