// Contender: consumer-from-position until the end of the topic. Measured from the first partition being read to the
// last batch placed, as the bare reader is measured from the join to the last record. Argument: settings file.
import { readFileSync } from 'node:fs';
import { HiveClient } from '../../clients/hive/session.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { configSchema, paramsSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { type Log, silentLog } from '../../pipeline/log.ts';

const raw = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const settings = { params: paramsSchema.parse(raw.params), config: configSchema.parse(raw.config) };

const times = { began: 0, ended: 0, cpuBegan: process.cpuUsage(), cpu: process.cpuUsage() };
let hive: HiveClient | undefined;
let hiveBegan = 0;
const openHive = HiveClient.open;
HiveClient.open = async (...args) => {
  hive = await openHive.apply(HiveClient, args);
  return hive;
};

const log: Log = {
  ...silentLog,
  info(message) {
    if (message === 'reading from' && times.began === 0) {
      times.began = performance.now();
      times.cpuBegan = process.cpuUsage();
      hiveBegan = hive?.busyMs ?? 0;
    }
    if (message === 'batch placed') {
      times.ended = performance.now();
      times.cpu = process.cpuUsage(times.cpuBegan);
    }
  },
};
const { rows } = await runConsumerFromPosition(
  settings,
  { log, clock: systemClock, signal: new AbortController().signal, out: () => {} },
  { untilEnd: true },
);
console.log(
  JSON.stringify({
    records: rows,
    ms: times.ended - times.began,
    cpuMs: (times.cpu.user + times.cpu.system) / 1000,
    rssMb: process.resourceUsage().maxRSS / 1024,
    hiveMs: (hive?.busyMs ?? 0) - hiveBegan,
  }),
);
