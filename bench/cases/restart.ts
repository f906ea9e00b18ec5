// consumer-from-position started on a table whose ledger has 10,000 entries: from the end of the join to the first batch
// placed, with what the start knows of its position.
import { rm } from 'node:fs/promises';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import type { Settings } from '../../params/schema.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { silentLog } from '../../pipeline/log.ts';
import { restart, savePosition, writeLedger } from '../../test/support/restart.ts';
import { loadTopic } from '../load.ts';
import { median } from '../report.ts';
import { type BenchOptions, benchSettings } from '../settings.ts';

const ENTRIES = 10_000;
const BATCH = 10;
const SHAPES: Readonly<Record<string, (index: number) => number>> = {
  'entries of one size': () => BATCH,
  // The worst: no start can be guessed.
  'entries of any size': (index) => 1 + ((index * 7919) % 13) + (index % 3),
};

/** What lies there when the consumer starts. Each gets the settings of the rounds before and gives those of the next one. */
type Prepare = (settings: Settings, entries: readonly BatchRecord[]) => Promise<Settings>;
const remove = ({ params }: Settings) => rm(params.positions.file, { force: true });
const withoutGroup = async (settings: Settings, options: BenchOptions): Promise<Settings> => {
  const consumer = { ...settings.params.consumer, group: options.name('bench') };
  return { ...settings, params: { ...settings.params, consumer } };
};

export async function restartCase(options: BenchOptions): Promise<object[]> {
  const known: Readonly<Record<string, Prepare>> = {
    'position file': async (settings) => settings,
    'group offset alone': async (settings) => {
      await remove(settings);
      return settings;
    },
    'position file, half as far': async (settings, entries) => {
      await remove(settings);
      const half = entries[Math.floor(entries.length / 2)];
      if (half) await savePosition(settings, half);
      return withoutGroup(settings, options);
    },
    nothing: async (settings) => {
      await remove(settings);
      return withoutGroup(settings, options);
    },
  };
  const lines: object[] = [];
  for (const [shape, lengthOf] of Object.entries(SHAPES)) {
    const count = options.records ?? ENTRIES;
    const lengths = Array.from({ length: count }, (_, index) => lengthOf(index));
    const topic = options.name('bench');
    let settings = benchSettings({ topic, batch: { size: BATCH } });
    options.say(`writing a ledger of ${count} ${shape}`);
    const offsets = lengths.reduce((sum, length) => sum + length, 0);
    await loadTopic(settings.config.kafka, topic, { partitions: 1, count: offsets, bytes: 200 });
    const entries = await writeLedger(settings, lengths);
    const last = entries.at(-1);
    if (last) await savePosition(settings, last);
    for (const [what, prepare] of Object.entries(known)) {
      const times: number[] = [];
      let requests: Readonly<Record<string, number>> = {};
      for (let round = 1; round <= options.rounds; round += 1) {
        options.say(`${shape}, ${what}, round ${round} of ${options.rounds}`);
        settings = await prepare(settings, entries);
        await sendBatch(settings);
        const restarted = await restart(settings);
        times.push(Math.round(restarted.ms));
        requests = restarted.requests;
      }
      lines.push({
        ...{ case: 'restart', ledger: `${count} ${shape}`, known: what, rounds: times.length },
        ...{ ms_to_first_batch: median(times), spread: [Math.min(...times), Math.max(...times)] },
        hdfs_requests: Object.values(requests).reduce((sum, one) => sum + one, 0),
        listings: requests['LISTSTATUS'] ?? 0,
      });
    }
    await remove(settings);
  }
  return lines;
}

async function sendBatch({ config, params }: Settings): Promise<void> {
  const { signal } = new AbortController();
  const sender = await KafkaSender.open(config.kafka, silentLog, signal, 60_000);
  const records = Array.from({ length: BATCH }, (_, id) => ({
    key: null,
    value: Buffer.from(JSON.stringify({ id: String(id) })),
    partition: 0,
  }));
  await sender.send(params.topic, records, signal);
  await sender.close();
}
