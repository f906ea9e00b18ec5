// Settings of a test: the schema's defaults, the running stack, and what the test says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { configSchema, paramsSchema, type Settings } from '../../params/schema.ts';
import { stackEndpoints, uniqueName } from './stack.ts';

type ParamsInput = z.input<typeof paramsSchema>;

const directories: string[] = [];
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** A directory of its own for the state of one test, removed when its process ends. */
export function stateDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'kafka-hive-test-'));
  directories.push(directory);
  return directory;
}

/** Settings for a topic, group and table nobody else uses; `params` is laid over them. */
export function testSettings(params: ParamsInput = {}): Settings {
  const { kafka, hdfs, hive } = stackEndpoints();
  const name = uniqueName('t');
  return {
    params: paramsSchema.parse({
      topic: name,
      ...params,
      batch: { size: 10, idleMsMax: 1000, ...params.batch },
      table: { name, liveName: `${name}_live`, ...params.table },
      consumer: { group: name, liveGroup: `${name}_live`, ...params.consumer },
      producer: { cursorFile: join(stateDirectory(), 'cursors.json'), ...params.producer },
      positions: { file: join(stateDirectory(), 'positions.json'), ...params.positions },
    }),
    config: configSchema.parse({
      kafka: { brokers: [...kafka.brokers] },
      hdfs: { nameNodes: [...hdfs.nameNodes] },
      hive,
    }),
  };
}
