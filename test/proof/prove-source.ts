// One proof: a source that misbehaves, the real producer killed with SIGKILL again and again, and where each post has ended.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import type { Settings } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import { eventually } from '../support/eventually.ts';
import { openHive } from '../support/hive.ts';
import { ProducerProcess } from '../support/producer-process.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { stackEndpoints } from '../support/stack.ts';
import { readPartitions } from '../support/topic.ts';
import { start } from '../support/world.ts';
import type { SourceUnderProof } from './source-cases.ts';

export interface ProofOptions {
  readonly kills: number;
  /** Longest time until all posts are in Kafka. */
  readonly withinMs: number;
  /** Length of a partition's turn, such as `2s`. */
  readonly partitionSwitch: string;
}

export interface Proof {
  readonly posts: number;
  readonly kills: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Posts that are not in Kafka. */
  readonly missing: number;
  /** Records in Kafka beyond the first of each post. */
  readonly doubled: number;
  /** Records of no post. */
  readonly foreign: number;
  /** Posts that stand behind a later one, by more than the source itself swaps them. */
  readonly outOfOrder: number;
  /** Posts that came twice and not to one partition. */
  readonly torn: number;
  /** Rows in the table, and posts among them. */
  readonly rows: number;
  readonly rowIds: number;
  /** Topic partitions that hold something. */
  readonly partitions: number;
  readonly seconds: number;
  /** What the last producer said about its partition first. */
  readonly turn: string;
}

const PARTITIONS = 3;
const { signal } = new AbortController();

/** Throws when a producer ends by itself, or not all posts arrive in time; what it finds wrong is in its answer. */
export async function proveSource(source: SourceUnderProof, options: ProofOptions): Promise<Proof> {
  const began = performance.now();
  const settings = testSettings({
    batch: { size: 2000 },
    consumer: { dedupe: { by: 'id' } },
    producer: { topicPartitions: PARTITIONS },
  });
  const { topic } = settings.params;
  const spawn = producerOf(source, topic, options);
  const ids = source.ids();
  const { kafka } = settings.config;
  const admin = await KafkaAdmin.open(kafka, silentLog, signal, 60_000);
  await admin.ensureTopic(topic, { partitions: PARTITIONS, replication: 1 }, signal);
  let producer = spawn();
  try {
    const some = (wanted: number) => async () =>
      reached(await recordsIn(admin, topic), wanted, producer);
    await unlessEnded(producer, some(1), options.withinMs);
    source.begin?.();
    for (let kill = 1; kill <= options.kills; kill += 1) {
      const wanted = Math.floor((ids.length * kill) / (options.kills + 1));
      await unlessEnded(producer, some(wanted), options.withinMs);
      producer.signal('SIGKILL');
      await producer.ended();
      producer = spawn();
    }
    // Earlier it would not hear that it is to stop.
    const hasBegun = async () => assert.match(producer.told, /now on partition/);
    await unlessEnded(producer, hasBegun, options.withinMs);
    const all = async () => {
      reached(await recordsIn(admin, topic), ids.length, producer);
      reached(new Set([...(await idsIn(settings)).values()].flat()).size, ids.length, producer);
    };
    await unlessEnded(producer, all, options.withinMs, 1000);
    producer.signal('SIGTERM');
    const code = await producer.ended();
    if (code !== 0)
      throw new Error(`the producer ended with ${code}: ${producer.told.slice(-2000)}`);
  } finally {
    producer.signal('SIGKILL');
    await admin.close();
  }
  const [turn = ''] = /now on partition [^"]*/.exec(producer.told) ?? [];
  const kept = judge(source.ids(), await idsIn(settings), source.swapped);
  const table = await rowsOf(settings);
  const faults = Object.fromEntries(source.faults());
  const seconds = Math.round((performance.now() - began) / 1000);
  return { posts: ids.length, kills: options.kills, faults, ...kept, ...table, seconds, turn };
}

function producerOf(
  source: SourceUnderProof,
  topic: string,
  { partitionSwitch }: ProofOptions,
): () => ProducerProcess {
  const directory = stateDirectory();
  const { kafka } = stackEndpoints();
  const params = { topic, hashtag: 'kafka', producer: source.producer };
  writeFileSync(join(directory, 'params.json'), JSON.stringify(params));
  const config = { kafka: { brokers: kafka.brokers }, ...source.config };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  const args = ['--partition-switch', partitionSwitch];
  return () => new ProducerProcess({ directory, args });
}

/** As `eventually`, but throws at once when the producer is gone. */
async function unlessEnded(
  producer: ProducerProcess,
  probe: () => Promise<void>,
  withinMs: number,
  everyMs = 100,
): Promise<void> {
  const probed = () => (producer.exitCode === undefined ? probe() : undefined);
  await eventually(probed, withinMs, everyMs);
  if (producer.exitCode !== undefined) {
    throw new Error(`the producer ended with ${producer.exitCode}: ${producer.told.slice(-2000)}`);
  }
}

function reached(count: number, wanted: number, producer: ProducerProcess): void {
  const words = `${count} of ${wanted} posts are in Kafka; the producer says ${producer.told.slice(-1500)}`;
  if (count < wanted) throw new Error(words);
}

async function recordsIn(admin: KafkaAdmin, topic: string): Promise<number> {
  const bounds = await admin.offsets(topic, signal);
  return [...bounds.values()].reduce((sum, { highWatermark }) => sum + Number(highWatermark), 0);
}

async function idsIn({ params, config }: Settings): Promise<Map<number, string[]>> {
  const partitions = await readPartitions(config.kafka, params.topic);
  const idOf = (value: Buffer | null) => String(JSON.parse(String(value)).id);
  return new Map([...partitions].map(([at, values]) => [at, values.map(idOf)]));
}

/** Pure. `found`: ids by topic partition, in the order of their offsets. */
export function judge(
  ids: readonly string[],
  found: ReadonlyMap<number, readonly string[]>,
  swapped: number,
): Pick<Proof, 'missing' | 'doubled' | 'foreign' | 'outOfOrder' | 'torn' | 'partitions'> {
  const numbers = new Map(ids.map((id, number) => [id, number]));
  const homes = new Map<string, number>();
  let [doubled, foreign, outOfOrder, torn] = [0, 0, 0, 0];
  for (const [partition, inPartition] of found) {
    let last = -1;
    for (const id of inPartition) {
      const [number, home] = [numbers.get(id), homes.get(id)];
      if (number === undefined) foreign += 1;
      else if (home !== undefined) {
        doubled += 1;
        if (home !== partition) torn += 1;
      } else {
        homes.set(id, partition);
        if (number < last - swapped) outOfOrder += 1;
        last = Math.max(last, number);
      }
    }
  }
  const partitions = [...found.values()].filter((inPartition) => inPartition.length > 0).length;
  return { missing: ids.length - homes.size, doubled, foreign, outOfOrder, torn, partitions };
}

async function rowsOf(settings: Settings): Promise<{ rows: number; rowIds: number }> {
  await start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;
  const { database, name } = settings.params.table;
  const hive = await openHive();
  try {
    const rows = await hive.query(`SELECT id FROM \`${database}\`.\`${name}\``, signal);
    return { rows: rows.length, rowIds: new Set(rows.map((row) => row['id'])).size };
  } finally {
    await hive.close();
  }
}
