// The world of a chaos run on servers that belong to others: nothing stands in between, and only processes are hurt.
import { readFileSync } from 'node:fs';
import { configSchema } from '../../params/schema.ts';
import type { StackEndpoints } from '../support/stack.ts';
import type { ChaosWorld } from './fault.ts';

/** `endpoints`: file as `stack up` writes it. */
export function plainWorld(endpoints: string): ChaosWorld {
  const { kafka, hive, hdfs }: StackEndpoints = JSON.parse(readFileSync(endpoints, 'utf8'));
  const direct = configSchema.parse({ kafka, hive, hdfs: { nameNodes: hdfs.nameNodes } });
  return {
    nodes: [],
    direct,
    hdfsUri: hdfs.uri,
    config: () => direct,
    inject: async ({ kind }) => {
      throw new Error(`${kind}: these servers are not ours`);
    },
    heal: async () => {},
    close: async () => {},
  };
}
