// `npm run chaos -- [--seed N] [--minutes M] [--schedules K] [--sink ...] [--plant ...] [--stack file] [--json file]`:
// runs K schedules one after the other on a stack of its own and ends with 1 at the first broken promise.
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describe, Stopping } from '../../pipeline/errors.ts';
import { stopOnSignals } from '../../pipeline/lifecycle.ts';
import type { ChaosWorld } from './fault.ts';
import { openChaosWorld } from './nemesis/world.ts';
import { plainWorld } from './plain-world.ts';
import { injectedLines, planLines, replayCommand, summaryLine } from './report.ts';
import { PLANTS, type Plant, planSchedule } from './schedule.ts';
import { CLIENTS, runTrial } from './trial.ts';
import { SINKS } from './workload.ts';

const USAGE = `npm run chaos -- [--seed N] [--minutes M] [--schedules K] [--sink S] [--plant FAULT] [--stack FILE] [--json FILE]
  --sink    ${[...SINKS, 'mixed'].join(' | ')}
  --plant   ${PLANTS.join(' | ')}: must be found, then it ends with 1
  --stack   endpoints of a running stack: its servers and connections are left alone
docs/chaos.md tells what is done and what is judged.`;

const OPTIONS = {
  options: {
    help: { type: 'boolean' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    schedules: { type: 'string' },
    sink: { type: 'string' },
    plant: { type: 'string' },
    /** Endpoints of a running stack: only processes are hurt then. */
    stack: { type: 'string' },
    /** One JSON object a schedule is appended to this file. */
    json: { type: 'string' },
  },
} as const;

const say = (line: string) => console.log(line);

function refuse(why: string): never {
  process.stderr.write(`chaos: ${why}\n`);
  process.exit(2);
}

function readArgs() {
  try {
    return parseArgs(OPTIONS).values;
  } catch (error) {
    return refuse(`${describe(error)}\n${USAGE}`);
  }
}

function numberOf(name: string, text: string, least: number): number {
  const value = Number(text);
  return Number.isFinite(value) && value >= least
    ? value
    : refuse(`--${name} ${text}: expected a number from ${least}`);
}

function oneOf<T extends string>(name: string, text: string, all: readonly T[]): T {
  const found = all.find((one) => one === text);
  return found ?? refuse(`--${name} ${text}: expected one of ${all.join(', ')}`);
}

const values = readArgs();
if (values.help) {
  say(USAGE);
  process.exit(0);
}
const plant: Plant | undefined =
  values.plant === undefined ? undefined : oneOf('plant', values.plant, PLANTS);
const sink = oneOf('sink', values.sink ?? (plant ? 'hive-load' : 'mixed'), [...SINKS, 'mixed']);
if (plant && (sink === 'hive-insert' || sink === 'mixed')) {
  refuse('--plant: the planted faults are those of sinks that write files');
}
const firstSeed = Math.round(numberOf('seed', values.seed, 0));
const minutes = numberOf('minutes', values.minutes ?? (plant ? '0.3' : '1'), 0.05);
const schedules = Math.round(numberOf('schedules', values.schedules ?? (plant ? '20' : '1'), 1));

const home = mkdtempSync(join(tmpdir(), 'kafka-hive-chaos-'));
const { signal } = stopOnSignals((message) => say(`chaos: ${message}`));

async function openWorld(): Promise<ChaosWorld> {
  if (values.stack !== undefined) return plainWorld(values.stack);
  return openChaosWorld({ clients: CLIENTS, dataDir: join(home, 'stack'), signal });
}

/** True when every promise was kept. */
async function runSchedule(seed: number, world: ChaosWorld): Promise<boolean> {
  const now = Date.now();
  const schedule = planSchedule({ seed, minutes, sink, plant, nodes: world.nodes, now });
  for (const line of planLines(schedule)) say(line);
  const directory = join(home, `seed-${seed}`);
  const report = await runTrial(schedule, { world, directory, signal });
  if (values.json !== undefined) appendFileSync(values.json, `${JSON.stringify(report)}\n`);
  const isKept = report.broken.length === 0;
  if (isKept) {
    rmSync(directory, { recursive: true, force: true });
  } else {
    say('what was done:');
    for (const line of injectedLines(report.injected)) say(line);
    say('broken promises:');
    for (const line of report.broken) say(`  ${line}`);
    say(`logs of all processes, settings, acknowledgements and the ledger: ${directory}`);
    say(`again: ${replayCommand(schedule)}`);
  }
  say(summaryLine(report));
  return isKept;
}

async function runAll(): Promise<number> {
  const world = await openWorld();
  let kept = 0;
  try {
    for (let seed = firstSeed; seed < firstSeed + schedules; seed += 1) {
      if (!(await runSchedule(seed, world))) break;
      kept += 1;
    }
  } finally {
    await world.close();
  }
  if (kept === schedules) rmSync(home, { recursive: true, force: true });
  say(`${kept} of ${schedules} schedules kept every promise`);
  return kept === schedules ? 0 : 1;
}

process.exitCode = await runAll().catch((error: unknown) => {
  if (!(error instanceof Stopping)) throw error;
  rmSync(home, { recursive: true, force: true });
  say('chaos: interrupted');
  return 130;
});
