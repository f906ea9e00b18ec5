// Hands for tests of the hdfs-consumer: alerts to send, a base path of a test's own, and what readers find below it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { z } from 'zod';
import type { FileSystem } from '../../clients/files/file-system.ts';
import { LocalFiles } from '../../clients/files/local.ts';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import type { hdfsConsumerSchema } from '../../params/hdfs-consumer-schema.ts';
import type { Settings } from '../../params/schema.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { stateDirectory, testSettings } from './settings.ts';
import { stackEndpoints, uniqueName } from './stack.ts';

const CITIES = [
  ['FR', 'Paris'],
  ['FR', 'Lyon'],
  ['DE', 'Berlin'],
  ['SE', 'Stockholm'],
  ['AT', 'Wien'],
  ['JP', 'Tokyo'],
  ['US', 'New York'],
  ['GB', 'London'],
] as const;

/** `count` flat weather records from number `from` on, spread evenly over partitions and over up to 8 locations. */
export function alerts(count: number, partitions: number, from = 0, locations = 8) {
  return Array.from({ length: count }, (_, index): OutgoingRecord => {
    const number = from + index;
    const [country_code, city] = CITIES[Math.floor(number / partitions) % locations] ?? CITIES[0];
    const at = new Date(1_700_000_000_000 + number * 1000).toISOString();
    const value = { timestamp: at, city, country_code, temperature: 36.5, windspeed: 12, number };
    return {
      key: Buffer.from(`${country_code}/${city}`),
      value: Buffer.from(JSON.stringify(value)),
      partition: number % partitions,
    };
  });
}

export type PlaceKind = 'HDFS' | 'local';

/** A base path of a test's own. */
export interface Place {
  readonly basePath: string;
  readonly files: FileSystem;
  readonly root: string;
}

export function newPlace(kind: PlaceKind): Place {
  if (kind === 'local') {
    const root = join(stateDirectory(), 'hdfs-data');
    return { basePath: root, files: new LocalFiles(), root };
  }
  const { nameNodes, uri } = stackEndpoints().hdfs;
  const root = `/test/${uniqueName('locations')}`;
  const hdfs = { nameNodes, user: testSettings().config.hdfs.user, requestTimeoutMs: 20_000 };
  return { basePath: `${uri}${root}`, files: new WebHdfs(hdfs), root };
}

/** Settings of an hdfs-consumer that reads `topics` into `place`; batches of 10 unless said otherwise. */
export function locationSettings(
  place: Place,
  topics: string[],
  own: Partial<z.input<typeof hdfsConsumerSchema>> = {},
): Settings {
  const group = uniqueName('g');
  return testSettings({
    hdfsConsumer: {
      ...{ topics, basePath: place.basePath, group, batchSize: 10, flushIntervalMs: 500 },
      ...own,
    },
  });
}

/** A line that readers find, and where. */
export interface FoundLine {
  readonly file: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly number: number;
}

const signal = new AbortController().signal;

/** The files readers see, by path below the base; content unpacked. Files of one location in the order they were begun. */
export async function readTree({ files, root }: Place): Promise<Map<string, string>> {
  const tree = new Map<string, string>();
  const shown = async (path: string) =>
    ((await files.list(path, signal)) ?? []).filter(({ name }) => !/^[._]/.test(name));
  for (const country of await shown(root)) {
    for (const city of await shown(`${root}/${country.name}`)) {
      const location = `${country.name}/${city.name}`;
      const names = (await shown(`${root}/${location}`)).map(({ name }) => name);
      for (const name of names.sort(byNumber)) {
        const content = await files.read(`${root}/${location}/${name}`, signal);
        if (content === undefined) continue;
        const plain = name.endsWith('.gz') ? gunzipSync(content) : content;
        tree.set(`${location}/${name}`, plain.toString());
      }
    }
  }
  return tree;
}

/** `alerts.json` comes before `alerts-000001.json`. */
function byNumber(a: string, b: string): number {
  const [left, right] = [a, b].map((name) => name.replace(/^alerts\./, 'alerts-000000.'));
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

/** The lines of whole files; fails on a torn one. */
export function linesOf(tree: ReadonlyMap<string, string>): FoundLine[] {
  return [...tree].flatMap(([file, text]) => {
    assert.ok(text === '' || text.endsWith('\n'), `${file} ends in a torn line`);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const row = JSON.parse(line);
        const location = file.split('/').slice(0, 2).join('/');
        assert.equal(row.location, location, 'it lies where it says');
        const { kafka_topic: topic, kafka_partition: partition, kafka_offset: offset } = row;
        return { file, topic, partition, offset, number: row.number };
      });
  });
}

/** Fails unless each offset from 0 on stands once, in order within location and topic partition; `each` per partition. */
export function mustHoldOnce(lines: readonly FoundLine[], partitions: number, each: number): void {
  const seen = new Map<string, number[]>();
  const last = new Map<string, number>();
  for (const { topic, partition, offset, file } of lines) {
    const of = `${topic}-${partition}`;
    seen.set(of, [...(seen.get(of) ?? []), offset]);
    const ordered = `${of} in ${file.split('/').slice(0, 2).join('/')}`;
    assert.ok(offset > (last.get(ordered) ?? -1), `${ordered}: ${offset} stands too late`);
    last.set(ordered, offset);
  }
  const wanted = Array.from({ length: each }, (_, offset) => offset);
  for (const [of, offsets] of seen) {
    assert.deepEqual(
      offsets.sort((a, b) => a - b),
      wanted,
      of,
    );
  }
  assert.equal(seen.size, partitions);
}

/** Nothing is left of what was staged or half placed. */
export async function mustBeTidy(place: Place): Promise<void> {
  assert.deepEqual(await leftoversOf(place), []);
}

/** Paths of what was staged or half placed; probes of starts that died are swept later and left out. */
export async function leftoversOf({ files, root }: Place): Promise<string[]> {
  const walk = async (path: string): Promise<string[]> => {
    const found: string[] = [];
    for (const { name, type } of (await files.list(path, signal)) ?? []) {
      const at = `${path}/${name}`;
      if (name === '_ledger' || name === '_probe' || name.startsWith('_writer.lock')) continue;
      if (type === 'directory') found.push(...(await walk(at)));
      else if (/\/[._]/.test(at.slice(root.length))) found.push(at);
    }
    return found;
  };
  return walk(root);
}
