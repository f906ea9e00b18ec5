// The hdfs-consumer into the files of 8 or 1,000 locations, in batches of several sizes, on HDFS and a local disk, against a
// writer that makes the same calls without Kafka, and against bare kafkajs that reads and writes nothing; and what gzip saves.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { type Measured, runContender } from '../contender.ts';
import { loadRecords } from '../load.ts';
import { type Line, median, summarise } from '../report.ts';
import { type BenchOptions, benchSettings } from '../settings.ts';

const PARTITIONS = 4;
/** Short on purpose; all of it: `--records 1000000 --locations 8,1000 --batches 100,1000,10000 --places local,HDFS`. */
const RECORDS = 100_000;
const LOCATIONS = [8];
const BATCHES = [100, 10_000];
const PLACES = ['local', 'HDFS'];

interface Flushed extends Measured {
  /** Medians over all flushes: one, and one by the records in it; other topic partitions flush meanwhile. */
  readonly flushMs: number;
  readonly msPerRecord: number;
  readonly bytes: number;
  /** Peak memory when a fifth of the records was placed: what comes after it adds nothing. */
  readonly rssMbAtFifth: number;
}

function alert(number: number, locations: number): Buffer {
  const city = `City ${number % locations}`;
  return Buffer.from(
    JSON.stringify({
      timestamp: new Date(1_790_000_000_000 + number * 1000).toISOString(),
      ...{ city, country: 'France', country_code: 'FR' },
      temperature: 25 + ((number * 7919) % 1000) / 100,
      windspeed: 10 + ((number * 104_729) % 1000) / 100,
      ...{ weather_code: number % 99, wind_alert_level: 'level_1', heat_alert_level: 'level_1' },
      location: `FR/City-${number % locations}`,
    }),
  );
}

export async function locationsCase(options: BenchOptions): Promise<Line[]> {
  const records = options.records ?? RECORDS;
  const lines: Line[] = [];
  for (const locations of options.locations ?? LOCATIONS) {
    const topic = options.name('bench');
    const { config } = benchSettings({ topic });
    options.say(`loading ${records} alerts of ${locations} locations`);
    await loadRecords(config.kafka, topic, PARTITIONS, records, (number) => ({
      key: null,
      value: alert(Math.floor(number / PARTITIONS), locations),
      partition: number % PARTITIONS,
    }));
    for (const place of options.places ?? PLACES) {
      for (const batch of options.batches ?? BATCHES) {
        lines.push(...(await compare(options, { topic, records, locations, place, batch })));
      }
    }
  }
  return lines;
}

interface Shape {
  readonly topic: string;
  readonly records: number;
  readonly locations: number;
  readonly place: string;
  readonly batch: number;
}

async function compare(options: BenchOptions, shape: Shape): Promise<Line[]> {
  const [bare, read]: [Measured[], Measured[]] = [[], []];
  const [plain, packed]: [Flushed[], Flushed[]] = [[], []];
  for (let round = 1; round <= options.rounds; round += 1) {
    const { place, locations, batch } = shape;
    options.say(`${place}, ${locations} locations, batches of ${batch}, round ${round}`);
    bare.push(await writeBare(shape));
    read.push(await readBare(shape));
    plain.push(await consume(shape, 'none'));
    packed.push(await consume(shape, 'gzip'));
  }
  const { place, locations, batch, records } = shape;
  const rounded = (ms: number) => Number(ms.toFixed(3));
  const flushed = (rounds: readonly Flushed[]) => ({
    ms_per_flush: Math.round(median(rounds.map(({ flushMs }) => flushMs))),
    ms_per_record: rounded(median(rounds.map(({ ms, records }) => ms / records))),
    ms_in_flush_per_record: rounded(median(rounds.map(({ msPerRecord }) => msPerRecord))),
    rss_mb_at_a_fifth: Math.round(Math.max(...rounds.map(({ rssMbAtFifth }) => rssMbAtFifth))),
  });
  const saved = 1 - (packed[0]?.bytes ?? 0) / (plain[0]?.bytes ?? 1);
  const about = { place, locations, batch, records };
  const gzip = place === 'local' ? {} : { gzip_saves: Number(saved.toFixed(3)) };
  return [
    summarise('locations', 'bare writer', bare, bare, about),
    summarise('locations', 'kafkajs + JSON.parse', read, bare, about),
    summarise('locations', 'hdfs-consumer', plain, bare, { ...about, ...flushed(plain) }),
    summarise('locations', 'hdfs-consumer gzip', packed, bare, {
      ...{ ...about, ...flushed(packed), ...gzip },
    }),
  ];
}

/** Runs `use` with a base path that is removed afterwards. */
async function withBasePath<T>(
  place: string,
  use: (basePath: string, root: string) => Promise<T>,
): Promise<T> {
  const { config, params } = benchSettings({});
  if (place === 'local') {
    const root = mkdtempSync(join(tmpdir(), 'kafka-hive-bench-'));
    try {
      return await use(root, root);
    } finally {
      rmSync(root, { recursive: true });
    }
  }
  const files = new WebHdfs(config.hdfs);
  const root = `/bench/${params.table.name}`;
  try {
    return await use(`hdfs://bench${root}`, root);
  } finally {
    await files.remove(root, new AbortController().signal);
    files.close();
  }
}

function writeBare({ records, locations, batch, place }: Shape): Promise<Measured> {
  return withBasePath(place, (_, root) => {
    const { config } = benchSettings({});
    const line = alert(1, locations).toString();
    const isLocal = place === 'local';
    const input = { config, root, records, locations, batch, line, isLocal, lanes: PARTITIONS };
    return runContender('bare-location-writer', input);
  });
}

function readBare({ topic, records }: Shape): Promise<Measured> {
  return runContender('kafkajs-json-parse', { ...benchSettings({ topic }), records });
}

function consume(
  { topic, records, batch, place }: Shape,
  compression: 'none' | 'gzip',
): Promise<Flushed> {
  return withBasePath(place, async (basePath) => {
    const { name } = benchSettings({}).params.table;
    const settings = benchSettings({
      hdfsConsumer: { topics: [topic], basePath, compression, batchSize: batch, group: name },
    });
    const measured = (await runContender('hdfs-consumer', settings)) as Flushed;
    if (measured.records !== records) {
      throw new Error(`${measured.records} of ${records} records were placed`);
    }
    return measured;
  });
}
