// `npm run check`: what must be green before a push. Style, types, dead code, generated files, then the unit tests
// with the floors of their coverage. Needs no servers.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './child.ts';
import { stopOnce } from './stop-once.ts';
import { runChecks } from './testing/checks.ts';
import { formatCounts } from './testing/counts.ts';

const LINES_LEAST = 90;
const BRANCHES_LEAST = 85;
const COVERED = ['pipeline', 'consumer', 'params'];
/** What only does something with real servers; the suites `servers` and `crash` run it. */
const SERVERS_ONLY = [
  'consumer/{consumer,consumer-from-position,metastore-ledger,run,start-positions,verify}.ts',
  'consumer/positions/command.ts',
  'consumer/sinks/{hive-insert,hive-load,hive-table,index,insert-statement}.ts',
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const write = (text: string) => {
  process.stdout.write(text);
};

async function unitTestsUnderCoverage(signal: AbortSignal): Promise<boolean> {
  const end = await runChild(
    process.execPath,
    [
      'node_modules/c8/bin/c8.js',
      '--check-coverage',
      `--lines=${LINES_LEAST}`,
      `--branches=${BRANCHES_LEAST}`,
      '--functions=0',
      '--statements=0',
      ...COVERED.map((folder) => `--include=${folder}/**/*.ts`),
      ...SERVERS_ONLY.map((files) => `--exclude=${files}`),
      '--reporter=text',
      process.execPath,
      '--import',
      'tsx',
      'scripts/test.ts',
      '--only',
      'unit',
    ],
    { cwd: root, onOutput: write, signal },
  );
  return end.code === 0;
}

const signal = stopOnce(write);
const counts = await runChecks(root, write, signal);
const unitsPass = !signal.aborted && (await unitTestsUnderCoverage(signal));
write(
  `\nchecks: ${formatCounts(counts)}; unit tests and coverage: ${unitsPass ? 'good' : 'FAILED'}\n`,
);
process.exitCode = counts.failures.length === 0 && unitsPass ? 0 : 1;
