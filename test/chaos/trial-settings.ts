// Settings of the consumers of a chaos schedule, and of those who look at what they wrote.
import { join } from 'node:path';
import { configSchema, paramsSchema, type Settings } from '../../params/schema.ts';
import type { ChaosWorld } from './fault.ts';
import { SESSION_MS } from './schedule.ts';
import { COLUMNS, isLocations, type Workload } from './workload.ts';

export interface TrialPlace {
  readonly workload: Workload;
  /** Of topic, group and table. */
  readonly name: string;
  readonly directory: string;
  /** Directory of a process below it. */
  readonly state: string;
  readonly world: ChaosWorld;
  readonly config: Settings['config'];
}

/** So small that files of a location are rolled during a schedule. */
const FILE_BYTES_MAX = 32 * 1024;

export function trialSettings(of: TrialPlace): Settings {
  const { workload, name, directory, state, config } = of;
  const params = paramsSchema.parse({
    topic: name,
    ...destination(of),
    consumer: {
      sink: workload.sink === 'hive-insert' ? 'hive-insert' : 'hive-load',
      group: name,
      tombstones: workload.tombstones,
      sessionTimeoutMs: SESSION_MS,
    },
    positions: { store: workload.store, file: join(directory, state, 'positions.json') },
    limits: { deadLetterShare: 1 },
  });
  return { params, config: configSchema.parse(config) };
}

function destination({ workload: { sink, format, batch }, name, directory, world }: TrialPlace) {
  if (isLocations(sink)) {
    const basePath =
      sink === 'locations-local' ? `${directory}/tree` : `${world.hdfsUri}/chaos/${name}`;
    return {
      hdfsConsumer: {
        ...{ topics: [name], group: name, basePath, fileBytesMax: FILE_BYTES_MAX },
        ...{ batchSize: batch.size, flushIntervalMs: batch.ageMsMax },
        compression: format === 'json-gzip' ? 'gzip' : 'none',
      },
    };
  }
  const locations = {
    'hive-load': `${world.hdfsUri}/chaos/${name}`,
    'hive-load-local': `file:${directory}/table`,
    'hive-insert': undefined,
  };
  const location = locations[sink];
  return {
    batch,
    table: { name, columns: COLUMNS, format, ...(location === undefined ? {} : { location }) },
  };
}
