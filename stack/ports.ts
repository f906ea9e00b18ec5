// Which ports the services listen on: the well-known ones, or free ones. All on 127.0.0.1.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { PipelineError } from '../pipeline/errors.ts';

export interface StackPorts {
  /** One per broker, in order. */
  readonly brokers: readonly number[];
  readonly controllers: readonly number[];
  readonly nameNodeHttp: number;
  readonly nameNodeRpc: number;
  /** Data, http and ipc port of each DataNode. */
  readonly dataNodes: readonly (readonly [data: number, http: number, ipc: number])[];
  readonly hive: number;
}

/** Room for the largest stack, so that a data directory can grow without new ports. */
const BROKERS_MAX = 3;
const DATA_NODES_MAX = 3;

export const DEFAULT_PORTS: StackPorts = {
  brokers: [9092, 9093, 9094],
  controllers: [19092, 19093, 19094],
  nameNodeHttp: 9870,
  nameNodeRpc: 8020,
  dataNodes: [
    [9866, 9864, 9867],
    [9876, 9874, 9877],
    [9886, 9884, 9887],
  ],
  hive: 10000,
};

/** Below the range from which systems take ports for outgoing connections, or a client could hold ours. */
const LOWEST = 12_000;
const HIGHEST = 32_000;

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}

/** True when nothing listens on this port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  return listens(port);
}

/** `count` different free ports. Another program may take one before we do; starting then says so. */
export async function freePortNumbers(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > 100 * count) {
      throw new PipelineError('STACK_PORT_TAKEN', `no ${count} free ports on 127.0.0.1`, {
        hint: 'Stop programs that listen there, or ask for the default ports.',
      });
    }
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

export async function freePorts(): Promise<StackPorts> {
  const numbers = await freePortNumbers(2 * BROKERS_MAX + 3 * DATA_NODES_MAX + 3);
  const take = () => numbers.pop() ?? 0;
  const times = <T>(count: number, make: () => T) => Array.from({ length: count }, make);
  return {
    brokers: times(BROKERS_MAX, take),
    controllers: times(BROKERS_MAX, take),
    nameNodeHttp: take(),
    nameNodeRpc: take(),
    dataNodes: times(DATA_NODES_MAX, () => [take(), take(), take()] as const),
    hive: take(),
  };
}

/** The process that listens on `port`, as "name (pid n)", when /proc tells. */
function listenerOf(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readLines(table)) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(`:${hex}`) && fields[3] === '0A') inodes.add(`socket:[${fields[9]}]`);
    }
  }
  if (inodes.size === 0) return undefined;
  for (const pid of listing('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const fd of listing(`/proc/${pid}/fd`)) {
      if (!inodes.has(linkOf(`/proc/${pid}/fd/${fd}`))) continue;
      return `${readLines(`/proc/${pid}/comm`)[0] ?? 'a process'} (pid ${pid})`;
    }
  }
  return undefined;
}

/** Throws STACK_PORT_TAKEN, naming port, service and the process that holds it, unless all ports are free. */
export async function checkPorts(service: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    if (await isFree(port)) continue;
    const holder = listenerOf(port);
    throw new PipelineError(
      'STACK_PORT_TAKEN',
      `port ${port} of 127.0.0.1, needed by ${service}, is in use${holder ? ` by ${holder}` : ''}`,
      {
        hint: 'Stop that program, or start the stack with `--ports free` and another `--data-dir`.',
        context: { port, service },
      },
    );
  }
}

// /proc is read for a hint only: what may not be read, or is not there on this system, tells nothing.
function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function listing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
