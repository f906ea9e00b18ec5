// `npm run bench -- [case ...] [--json] [--rounds N] [--records N]`: measures on this machine, side by side in one
// run. `--locations 8,1000 --batches 100,1000 --places local,HDFS` are of the case `locations`.
// Starts a local stack of its own unless KH_TEST_STACK names a running one.
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLog } from '../pipeline/log.ts';
import { down, up } from '../stack/launch.ts';
import { hiveInsert } from './cases/hive-insert.ts';
import { hiveLoad } from './cases/hive-load.ts';
import { locationsCase } from './cases/locations.ts';
import { producerCase } from './cases/producer.ts';
import { restartCase } from './cases/restart.ts';
import { takeover } from './cases/takeover.ts';
import { type BenchOptions, uniqueBenchName } from './settings.ts';

const CASES: Readonly<Record<string, (options: BenchOptions) => Promise<object[]>>> = {
  'hive-load': hiveLoad,
  'hive-insert': hiveInsert,
  locations: locationsCase,
  producer: producerCase,
  restart: restartCase,
  takeover,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    records: { type: 'string' },
    locations: { type: 'string' },
    batches: { type: 'string' },
    places: { type: 'string' },
  },
});
const say = (message: string) => process.stderr.write(`bench: ${message}\n`);
const names = positionals.length > 0 ? positionals : Object.keys(CASES);
for (const name of names) {
  if (!CASES[name]) {
    say(`there is no case "${name}"; there are: ${Object.keys(CASES).join(', ')}`);
    process.exit(2);
  }
}
const options: BenchOptions = {
  rounds: Math.max(1, Number(values.rounds)),
  records: values.records === undefined ? undefined : Number(values.records),
  locations: values.locations?.split(',').map(Number),
  batches: values.batches?.split(',').map(Number),
  places: values.places?.split(','),
  name: uniqueBenchName,
  say,
};

const own = process.env['KH_TEST_STACK']
  ? undefined
  : mkdtempSync(join(tmpdir(), 'kafka-hive-bench-stack-'));
const log = createLog({ level: 'info', format: 'pretty' });
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('interrupted')));
try {
  if (own) {
    await up({ dataDir: own, ports: 'free', log, signal: stop.signal });
    process.env['KH_TEST_STACK'] = join(own, 'endpoints.json');
  }
  const machine = {
    machine: `${cpus().length} x ${cpus()[0]?.model ?? arch()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    node: process.version,
  };
  for (const name of names) {
    for (const line of (await CASES[name]?.(options)) ?? []) {
      if (values.json) console.log(JSON.stringify({ ...line, ...machine }));
      else console.table([line]);
    }
  }
} finally {
  if (own) {
    await down({ dataDir: own, log });
    rmSync(own, { recursive: true, force: true });
  }
}
