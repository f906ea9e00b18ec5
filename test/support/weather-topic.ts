// Weather records for a topic, the hdfs-consumer as a process, and what it wrote below a local directory.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { CommandProcess } from './command-process.ts';
import { stateDirectory } from './settings.ts';
import { stackEndpoints } from './stack.ts';

/** The flat record of a place such as `FR/Paris`; its city is as the directory is called. */
export function weather(location: string, at = 0): Record<string, unknown> {
  const [country_code, city] = location.split('/');
  const timestamp = new Date(Date.UTC(2026, 10, 21) + at * 60_000).toISOString();
  return { timestamp, city, country_code, temperature: 26, windspeed: 12, weather_code: 3 };
}

export function weatherRecord(location: string, at = 0, partition = 0): OutgoingRecord {
  return {
    key: Buffer.from(location),
    value: Buffer.from(JSON.stringify(weather(location, at))),
    partition,
  };
}

/** `count` records over `locations` in turn, all in one topic partition. */
export function weatherRecords(count: number, locations: readonly string[]): OutgoingRecord[] {
  return Array.from({ length: count }, (_, at) =>
    weatherRecord(locations[at % locations.length] ?? '', at),
  );
}

/** A test that failed leaves its process running. */
const started: CommandProcess[] = [];
after(() => {
  for (const command of started) command.signal('SIGKILL');
});

/** `kafka-hive hdfs-consumer` on the brokers of the stack, in an empty directory unless one is given. */
export function hdfsConsumer(
  args: readonly string[],
  { env = {}, directory = stateDirectory() }: { env?: NodeJS.ProcessEnv; directory?: string } = {},
): CommandProcess {
  const { kafka, hdfs, hive } = stackEndpoints();
  const command = new CommandProcess('hdfs-consumer', {
    directory,
    args,
    env: {
      KH_KAFKA__BROKERS: kafka.brokers.join(),
      KH_HDFS__NAME_NODES: hdfs.nameNodes.join(),
      KH_HIVE__HOST: hive.host,
      KH_HIVE__PORT: String(hive.port),
      ...env,
    },
  });
  started.push(command);
  return command;
}

/** Every visible file below `base` by its path there, with its lines parsed; `.gz` unpacked. A torn line throws. */
export function treeOf(base: string): Record<string, Record<string, unknown>[]> {
  const paths = readdirSync(base, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(base.length + 1))
    .filter((path) => !path.split('/').some((part) => /^[._]/.test(part)));
  return Object.fromEntries(
    paths.sort().map((path) => {
      const bytes = readFileSync(join(base, path));
      const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
      return [
        path,
        text
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      ];
    }),
  );
}

/** How many lines each file of `treeOf` has. */
export function lineCounts(base: string): Record<string, number> {
  return Object.fromEntries(
    Object.entries(treeOf(base)).map(([path, lines]) => [path, lines.length]),
  );
}
