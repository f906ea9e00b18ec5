// Contender: the hdfs-consumer until the end of its topics. Measured from the first partition being read to the last batch
// placed. Argument: settings file.
import { readFileSync } from 'node:fs';
import { runHdfsConsumer } from '../../consumer/hdfs-consumer.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { type Log, silentLog } from '../../pipeline/log.ts';
import type { ConsumerObserver } from '../../pipeline/observer.ts';

const raw = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };

const times = { began: 0, ended: 0, cpuBegan: process.cpuUsage(), cpu: process.cpuUsage() };
const flushes: number[] = [];
const perRecord: number[] = [];
/** Peak memory after each batch, with the rows placed by then. */
const peaks: { readonly rows: number; readonly rssMb: number }[] = [];
const peakMb = () => process.resourceUsage().maxRSS / 1024;
let bytes = 0;
let placed = 0;
const log: Log = {
  ...silentLog,
  info(message) {
    if (message !== 'reading from' || times.began > 0) return;
    times.began = performance.now();
    times.cpuBegan = process.cpuUsage();
  },
};
const observer: ConsumerObserver = {
  assigned: () => {},
  read: () => {},
  retried: () => {},
  placed(batch, standing, _ours, ms) {
    flushes.push(ms);
    perRecord.push(ms / Math.max(1, batch.records.length));
    bytes += standing.files.reduce((sum, file) => sum + file.bytes, 0);
    placed += standing.rows;
    peaks.push({ rows: placed, rssMb: peakMb() });
    times.ended = performance.now();
    times.cpu = process.cpuUsage(times.cpuBegan);
  },
};
const { rows } = await runHdfsConsumer(
  settings,
  { log, clock: systemClock, signal: new AbortController().signal, out: () => {} },
  { untilEnd: true, observer },
);
const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
console.log(
  JSON.stringify({
    records: rows,
    ms: times.ended - times.began,
    cpuMs: (times.cpu.user + times.cpu.system) / 1000,
    rssMb: peakMb(),
    rssMbAtFifth: peaks.find((peak) => peak.rows >= rows / 5)?.rssMb,
    flushMs: middle(flushes),
    msPerRecord: middle(perRecord),
    bytes,
  }),
);
