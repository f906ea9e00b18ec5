// hive-insert with batches of 1,000 rows: how much of the time is not HiveServer2's.
import { type Measured, runContender } from '../contender.ts';
import { loadTopic } from '../load.ts';
import { type Line, median, summarise } from '../report.ts';
import { type BenchOptions, benchSettings } from '../settings.ts';

const BATCHES = 10;
const SIZE = 1000;

export async function hiveInsert(options: BenchOptions): Promise<Line[]> {
  const topic = options.name('bench');
  const settings = () =>
    benchSettings({ topic, batch: { size: SIZE }, consumer: { sink: 'hive-insert' } });
  const count = options.records ?? BATCHES * SIZE;
  await loadTopic(settings().config.kafka, topic, { partitions: 1, count, bytes: 300 });
  const rounds: Measured[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    options.say(`hive-insert, round ${round} of ${options.rounds}`);
    rounds.push(await runContender('consumer-from-position', settings()));
  }
  const outside = median(rounds.map(({ ms, hiveMs = 0 }) => Math.max(0, ms - hiveMs) / ms));
  const line = summarise('hive-insert', `hive-insert batches of ${SIZE}`, rounds, rounds, {
    outside_hiveserver2: Number(outside.toFixed(3)),
  });
  return [line];
}
