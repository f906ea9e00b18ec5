// Contender: what the hdfs-consumer asks of HDFS for its data and nothing else: CREATE a part beside its file, CONCAT it; on a
// local disk an append and a sync. No Kafka, no ledger, lines made once. Argument: a file with what to write.

import { readFileSync } from 'node:fs';
import { appendFile, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { configSchema } from '../../params/schema.ts';

const { config, root, records, locations, batch, lanes, line, isLocal } = JSON.parse(
  readFileSync(process.argv[2] ?? '', 'utf8'),
);
const { signal } = new AbortController();
const files = new WebHdfs(configSchema.parse(config).hdfs);
const batches = Math.ceil(records / batch);
const touched = Math.min(batch, locations);
const body = Buffer.from(`${line}\n`.repeat(Math.ceil(batch / touched)));

async function toHdfs(target: string, part: string): Promise<void> {
  const source = `${dirname(target)}/${part}`;
  await files.create(source, body, signal);
  const added = await files.concat(source, target, signal);
  if (added === 'target-missing') await files.renameNoReplace(source, target, signal);
}

async function toDisk(target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await appendFile(target, body);
  const handle = await open(target);
  await handle.sync();
  await handle.close();
}

const PARALLEL = 4;
let next = 0;
const cpuBegan = process.cpuUsage();
const began = performance.now();
const lane = async () => {
  for (let number = next; number < batches; number = next) {
    next += 1;
    const rest = Array.from({ length: touched }, (_, at) => at).values();
    const work = async () => {
      for (const at of rest) {
        const target = `${root}/XX/City-${(number * touched + at) % locations}/alerts.json`;
        await (isLocal ? toDisk(target) : toHdfs(target, `_part+${number}+${at}`));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  }
};
await Promise.all(Array.from({ length: lanes }, lane));
const cpu = process.cpuUsage(cpuBegan);
files.close();
console.log(
  JSON.stringify({
    records: batches * batch,
    ms: performance.now() - began,
    cpuMs: (cpu.user + cpu.system) / 1000,
    rssMb: process.resourceUsage().maxRSS / 1024,
  }),
);
