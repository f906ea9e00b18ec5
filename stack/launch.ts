// Starts and stops the local stack: what users, tests, benches and the demo all call.
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PipelineError } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { exclusively, openState, readState, type StackState, writeWhole } from './data-dir.ts';
import { startFailed } from './java.ts';
import {
  allNodes,
  configOf,
  endpointsOf,
  needed,
  type StackEndpoints,
  startableNodes,
} from './layout.ts';
import { fileName, SERVICES, type Service, type StackNode } from './node.ts';
import { checkPorts } from './ports.ts';
import { checkPrerequisites } from './prerequisites.ts';
import { findProcess, killOnExit } from './process.ts';
import { startNode, stopByName } from './run.ts';

const PROGRESS_MS = 5000;

export type { StackEndpoints } from './layout.ts';

export interface UpOptions {
  /** Everything the stack writes, logs included. */
  readonly dataDir: string;
  /** Default: all. HiveServer2 needs HDFS and brings it along. */
  readonly services?: readonly Service[];
  /** Default: what the directory was made for, else 1. Three fail over within about 5 s. */
  readonly brokers?: 1 | 3;
  /** Default: what the directory was made for, else 1. */
  readonly dataNodes?: 1 | 2 | 3;
  /** `default`: 9092, 9870, 8020, 10000. `free`: any. A directory keeps the ports of its first start. */
  readonly ports: 'default' | 'free';
  /** Properties for hive-site.xml, e.g. another authentication or TLS. Default: those of the start before. */
  readonly hiveSite?: Readonly<Record<string, string>>;
  readonly log: Log;
  /** When it aborts, everything this call has started is stopped again. */
  readonly signal: AbortSignal;
}

/**
 * Starts what does not run yet and resolves when all of it serves. Fetches the artifacts on first use.
 * Throws STACK_PREREQUISITE, STACK_ARTIFACT, STACK_PORT_TAKEN, STACK_START_FAILED, STACK_DATA_VERSION.
 */
export async function up(options: UpOptions): Promise<StackEndpoints> {
  const dataDir = resolve(options.dataDir);
  await checkPrerequisites();
  return exclusively(dataDir, async () => {
    const state = await openState(dataDir, options);
    const services = needed(options.services ?? SERVICES);
    const wanted = allNodes(dataDir, state).filter((node) => services.includes(node.service));
    await start(dataDir, state, wanted, options);
    const endpoints = endpointsOf(state);
    await writeWhole(join(dataDir, 'endpoints.json'), endpoints);
    await writeWhole(join(dataDir, 'config.json'), configOf(endpoints));
    return endpoints;
  });
}

/**
 * Starts one node that was stopped or killed: `broker 2`, `namenode`, `datanode 1`, `hive`. Throws what `up`
 * throws, and USAGE for a node this stack does not have.
 */
export async function startOne(options: UpOptions, name: string): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const state = await openState(dataDir, options);
  const wanted = allNodes(dataDir, state).filter((node) => node.name === name);
  if (wanted.length === 0) throw unknownNode(name, state);
  await start(dataDir, state, wanted, options);
}

async function start(
  dataDir: string,
  state: StackState,
  wanted: readonly StackNode[],
  options: UpOptions,
): Promise<void> {
  // All ports are looked at before anything is fetched or started.
  const idle = wanted.filter((node) => !findProcess(dataDir, fileName(node.name)));
  for (const node of idle) await checkPorts(node.name, node.ports);
  const services = SERVICES.filter((service) => wanted.some((node) => node.service === service));
  const names = wanted.map((node) => node.name);
  const nodes = (await startableNodes(dataDir, state, services, options)).filter((node) =>
    names.includes(node.name),
  );
  const started = await startAll(dataDir, nodes, options);
  options.log.info(started === 0 ? 'already running' : 'ready');
}

/** Starts nodes side by side; when one fails, stops those that this call has started. Returns how many it started. */
async function startAll(dataDir: string, nodes: readonly StackNode[], options: UpOptions) {
  const { log } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const started: string[] = [];
  const releases: (() => void)[] = [];
  const waiting = new Map<string, string>();
  const hooks = {
    onStarted: (name: string, pid: number) => {
      started.push(name);
      releases.push(killOnExit(pid));
    },
    onMissing: (node: string, missing: string | undefined) => {
      if (missing === undefined) waiting.delete(node);
      else waiting.set(node, missing);
    },
  };
  const progress = setInterval(() => {
    const parts = [...waiting].map(([node, missing]) => `${node} (${missing})`);
    if (parts.length > 0) log.info(`waiting for ${parts.join(', ')}`);
  }, PROGRESS_MS);
  await Promise.all(
    nodes.map((node) =>
      // The first failure ends the waiting of the others.
      startNode(dataDir, node, { log, signal, ...hooks }).catch((error) => failed.abort(error)),
    ),
  );
  clearInterval(progress);
  const died = nodes.find((node) => !findProcess(dataDir, fileName(node.name)));
  if (died && !signal.aborted) {
    failed.abort(
      await startFailed(dataDir, fileName(died.name), `${died.name} ended after it served`),
    );
  }
  if (signal.aborted) {
    if (started.length > 0) log.info(`stopping ${started.join(', ')} again`);
    await Promise.all(started.map((name) => stopByName(dataDir, name)));
  }
  for (const release of releases) release();
  signal.throwIfAborted();
  return started.length;
}

interface DownOptions {
  readonly dataDir: string;
  readonly log: Log;
}

/** Stops everything that runs in this directory, in whatever state a crash left it. Data stays. */
export async function down(options: DownOptions): Promise<void> {
  await stopAll(resolve(options.dataDir), options.log);
}

/** Without `graceMs`, each process gets the time it needs to close its files. */
async function stopAll(dataDir: string, log: Log, graceMs?: number): Promise<void> {
  const names = await pidNames(dataDir);
  if (names.length === 0) return log.info('nothing is running');
  await exclusively(dataDir, async () => {
    const running = names.filter((name) => findProcess(dataDir, name));
    log.info(running.length === 0 ? 'nothing is running' : `stopping ${running.join(', ')}`);
    // HiveServer2 first: it cleans up on HDFS.
    if (names.includes('hive')) await stopByName(dataDir, 'hive', graceMs);
    await Promise.all(names.map((name) => stopByName(dataDir, name, graceMs)));
  });
}

/** Stops everything and deletes the data directory: topics, tables and files of the local stack. */
export async function wipe(options: DownOptions): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const entries = await readdir(dataDir).catch(() => undefined);
  if (entries === undefined) return options.log.info('nothing to wipe');
  if (entries.length > 0 && !entries.includes('stack.json') && !entries.includes('run')) {
    throw new PipelineError('USAGE', `${dataDir} is not a data directory of the stack`, {
      hint: 'Nothing was deleted. Name the directory that `stack up` was given with `--data-dir`.',
    });
  }
  await stopAll(dataDir, options.log, 0);
  await rm(dataDir, { recursive: true, force: true });
  options.log.info(`deleted ${dataDir}`);
}

export interface NodeStatus {
  readonly node: string;
  readonly pid: number | undefined;
  /** True when it runs and serves. */
  readonly serves: boolean;
  readonly ports: readonly number[];
}

/** Every node the directory was made for. Empty for a directory no stack was started in. */
export async function status(options: { readonly dataDir: string }): Promise<NodeStatus[]> {
  const dataDir = resolve(options.dataDir);
  const state = await readState(dataDir);
  if (!state) return [];
  return Promise.all(
    allNodes(dataDir, state).map(async (node) => {
      const pid = findProcess(dataDir, fileName(node.name))?.pid;
      const serves = pid !== undefined && (await node.missing()) === undefined;
      return { node: node.name, pid, serves, ports: node.ports };
    }),
  );
}

async function pidNames(dataDir: string): Promise<string[]> {
  const files = await readdir(join(dataDir, 'run')).catch(() => []);
  return files.filter((file) => file.endsWith('.pid')).map((file) => file.slice(0, -4));
}

function unknownNode(name: string, state: StackState): PipelineError {
  const known = allNodes('', state).map((node) => node.name);
  return new PipelineError('USAGE', `there is no "${name}" in this stack`, {
    hint: `It has: ${known.join(', ')}.`,
  });
}
