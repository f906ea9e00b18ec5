// A Hive client on the stack of this test run, and a database of the test's own.
import { HiveClient } from '../../clients/hive/session.ts';
import { type Config, configSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { silentLog } from '../../pipeline/log.ts';
import { stackEndpoints, uniqueName } from './stack.ts';

export const never = new AbortController().signal;

/** Settings for the stack's HiveServer2, or for another one. */
function hiveSettings(changes: Record<string, unknown> = {}): Config['hive'] {
  return configSchema.parse({ hive: { ...stackEndpoints().hive, ...changes } }).hive;
}

export function openHive(changes: Record<string, unknown> = {}): Promise<HiveClient> {
  return HiveClient.open(hiveSettings(changes), { log: silentLog, clock: systemClock }, never);
}

export interface HiveDatabase {
  readonly hive: HiveClient;
  readonly database: string;
  /** Drops the database and closes the client. */
  dispose(): Promise<void>;
}

export async function createDatabase(stem: string): Promise<HiveDatabase> {
  const hive = await openHive();
  const database = uniqueName(stem).toLowerCase();
  await hive.execute(`CREATE DATABASE ${database}`, never);
  return {
    hive,
    database,
    async dispose() {
      await hive.execute(`DROP DATABASE IF EXISTS ${database} CASCADE`, never);
      await hive.close();
    },
  };
}
