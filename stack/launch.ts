// Starts and stops the local stack: what users, tests, benches and the demo all call.
import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PipelineError } from '../pipeline/errors.ts';
import type { Log } from '../pipeline/log.ts';
import { ensureArtifact } from './artifacts.ts';
import { exclusively, openState, readState, type StackState, writeWhole } from './data-dir.ts';
import { HDFS_USER, hdfsNodes } from './hdfs.ts';
import { hiveNode } from './hive.ts';
import { kafkaNodes } from './kafka.ts';
import { fileName, SERVICES, type Service, type StackNode } from './node.ts';
import { checkPrerequisites } from './prerequisites.ts';
import { findProcess } from './process.ts';
import { startNode, stopByName } from './run.ts';

export interface StackEndpoints {
  readonly kafka: { readonly brokers: readonly string[] };
  /** WebHDFS addresses, and the file system's own address for table locations. */
  readonly hdfs: { readonly nameNodes: readonly string[]; readonly uri: string };
  readonly hive: { readonly host: string; readonly port: number };
}

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
    const nodes = await nodesOf(dataDir, state, options);
    const started = await startAll(dataDir, nodes, options);
    options.log.info(started === 0 ? 'the stack is already running' : 'the stack is ready');
    const endpoints = endpointsOf(state);
    await writeWhole(join(dataDir, 'endpoints.json'), endpoints);
    await writeWhole(join(dataDir, 'config.json'), configOf(endpoints));
    return endpoints;
  });
}

/** Starts one node that was stopped or killed: `broker 2`, `namenode`, `datanode 1`, `hive`. */
export async function startOne(options: UpOptions, name: string): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const state = await openState(dataDir, options);
  const node = (await nodesOf(dataDir, state, options)).find((found) => found.name === name);
  if (!node) throw unknownNode(name, state);
  await startAll(dataDir, [node], options);
}

async function nodesOf(dataDir: string, state: StackState, options: UpOptions) {
  const wanted = new Set(options.services ?? SERVICES);
  if (wanted.has('hive')) wanted.add('hdfs');
  const nodes: StackNode[] = [];
  for (const service of SERVICES.filter((each) => wanted.has(each))) {
    const artifact = await ensureArtifact(service, options);
    const layout = { ...state, dataDir, jars: artifact.jars };
    if (service === 'kafka') nodes.push(...kafkaNodes(layout));
    if (service === 'hdfs') nodes.push(...hdfsNodes(layout));
    if (service === 'hive') nodes.push(hiveNode({ ...layout, artifact, site: state.hiveSite }));
  }
  return nodes;
}

/** Starts nodes side by side; when one fails, stops those that this call has started. Returns how many it started. */
async function startAll(dataDir: string, nodes: readonly StackNode[], options: UpOptions) {
  const { log } = options;
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const started: string[] = [];
  const onStarted = (name: string) => started.push(name);
  const start = async (node: StackNode) => {
    try {
      await startNode(dataDir, node, { log, signal, onStarted });
    } catch (error) {
      failed.abort(error);
    }
  };
  await Promise.all(nodes.map(start));
  if (signal.aborted) {
    if (started.length > 0) log.info(`stopping ${started.join(', ')} again`);
    await Promise.all(started.map((name) => stopByName(dataDir, name)));
    throw signal.reason;
  }
  return started.length;
}

/** Stops everything that runs in this directory, in whatever state a crash left it. Data stays. */
export async function down(options: {
  readonly dataDir: string;
  readonly log: Log;
}): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const names = await pidNames(dataDir);
  if (names.length === 0) {
    options.log.info('nothing is running');
    return;
  }
  await exclusively(dataDir, async () => {
    const running = names.filter((name) => findProcess(dataDir, name));
    options.log.info(
      running.length === 0 ? 'nothing is running' : `stopping ${running.join(', ')}`,
    );
    // HiveServer2 first: it cleans up on HDFS.
    await Promise.all(
      names.filter((name) => name === 'hive').map((name) => stopByName(dataDir, name)),
    );
    await Promise.all(names.map((name) => stopByName(dataDir, name)));
  });
}

/** Stops everything and deletes the data directory: topics, tables and files of the local stack. */
export async function wipe(options: {
  readonly dataDir: string;
  readonly log: Log;
}): Promise<void> {
  const dataDir = resolve(options.dataDir);
  const entries = await readdir(dataDir).catch(() => undefined);
  if (entries === undefined) return options.log.info('nothing to wipe');
  if (entries.length > 0 && !entries.includes('stack.json') && !entries.includes('run')) {
    throw new PipelineError('USAGE', `${dataDir} is not a data directory of the stack`, {
      hint: 'Nothing was deleted. Name the directory that `stack up` was given with `--data-dir`.',
    });
  }
  await down({ dataDir, log: options.log });
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
    describeNodes(dataDir, state).map(async (node) => {
      const pid = findProcess(dataDir, fileName(node.name))?.pid;
      const serves = pid !== undefined && (await node.missing()) === undefined;
      return { node: node.name, pid, serves, ports: node.ports };
    }),
  );
}

/** The nodes of a directory for asking, not for starting: without artifacts. */
function describeNodes(dataDir: string, state: StackState): StackNode[] {
  const layout = { ...state, dataDir, jars: [] };
  const artifact = { directory: '', jars: [] };
  return [
    ...kafkaNodes(layout),
    ...hdfsNodes(layout),
    hiveNode({ ...layout, artifact, site: state.hiveSite }),
  ];
}

async function pidNames(dataDir: string): Promise<string[]> {
  const files = await readdir(join(dataDir, 'run')).catch(() => []);
  return files.filter((file) => file.endsWith('.pid')).map((file) => file.slice(0, -4));
}

function unknownNode(name: string, state: StackState): PipelineError {
  const known = describeNodes('', state).map((node) => node.name);
  return new PipelineError('USAGE', `there is no "${name}" in this stack`, {
    hint: `It has: ${known.join(', ')}.`,
  });
}

function endpointsOf({ ports, brokers }: StackState): StackEndpoints {
  return {
    kafka: { brokers: ports.brokers.slice(0, brokers).map((port) => `127.0.0.1:${port}`) },
    hdfs: {
      nameNodes: [`http://127.0.0.1:${ports.nameNodeHttp}`],
      uri: `hdfs://127.0.0.1:${ports.nameNodeRpc}`,
    },
    hive: { host: '127.0.0.1', port: ports.hive },
  };
}

/** A config.json of our program that points at this stack. */
function configOf(endpoints: StackEndpoints) {
  return {
    kafka: { brokers: endpoints.kafka.brokers },
    hive: endpoints.hive,
    hdfs: { nameNodes: endpoints.hdfs.nameNodes, user: HDFS_USER },
  };
}
