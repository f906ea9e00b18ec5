// hive-load against bare kafkajs + JSON.parse on the same topic, interleaved; and against itself on twice as many
// records, for its memory.

import { type Measured, runContender } from '../contender.ts';
import { loadTopic } from '../load.ts';
import { type Line, summarise } from '../report.ts';
import { type BenchOptions, benchSettings } from '../settings.ts';

const PARTITIONS = 4;
const BYTES = 300;

export async function hiveLoad(options: BenchOptions): Promise<Line[]> {
  const lines: Line[] = [];
  for (const records of [options.records ?? 1_000_000, (options.records ?? 1_000_000) * 2]) {
    const settings = () =>
      benchSettings({ topic, batch: { size: 50_000 }, consumer: { sink: 'hive-load' } });
    const topic = options.name('bench');
    options.say(`loading ${records} records of ${BYTES} B into ${PARTITIONS} partitions`);
    await loadTopic(settings().config.kafka, topic, {
      partitions: PARTITIONS,
      count: records,
      bytes: BYTES,
    });
    const bare: Measured[] = [];
    const ours: Measured[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      options.say(`${records} records, round ${round} of ${options.rounds}`);
      bare.push(await runContender('kafkajs-json-parse', { ...settings(), records }));
      ours.push(await runContender('consumer-from-position', settings()));
    }
    for (const { records: placed } of ours) {
      if (placed !== records) throw new Error(`${placed} of ${records} records were placed`);
    }
    lines.push(
      summarise('hive-load', 'kafkajs + JSON.parse', bare, bare, { records }),
      summarise('hive-load', 'hive-load parquet', ours, bare, { records }),
    );
  }
  return lines;
}
