// Where the demo keeps its data, and the servers it runs on: a stack of its own on free ports. In a test run
// (KH_TEST_STACK) it uses the servers of that run instead, under names of its own.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createLog, type Log } from '../../pipeline/log.ts';
import { HDFS_USER } from '../../stack/hdfs.ts';
import { down, type StackEndpoints, up, wipe } from '../../stack/launch.ts';

const FOLDER = '.demo';
const PARTITION_SWITCH_MINUTES = 0.02;
const SESSION_TIMEOUT_MS = 6000;
const IDLE_MS = 1000;

export interface Workspace {
  /** Relative to the root of the project, as a user types it there. */
  readonly folder: string;
  readonly topic: string;
  readonly database: string;
  readonly paramsFile: string;
  readonly configFile: string;
  /** Starts the servers and writes the settings; `batchSize` in records. */
  start(batchSize: number, partitions: number, signal: AbortSignal): Promise<void>;
  /** Stops the servers; their data and logs stay for a look at what went wrong. */
  stop(): Promise<void>;
  /** Stops the servers and removes everything. */
  remove(): Promise<void>;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

function ownedBy(folder: string): number | undefined {
  const file = join(folder, 'pid');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return pid > 0 && isAlive(pid) ? pid : undefined;
}

/** Takes the folder for this process. A string says why not. */
export function openWorkspace(root: string): Workspace | string {
  const shared = process.env['KH_TEST_STACK'];
  const folder = shared ? mkdtempSync(join(tmpdir(), 'kafka-hive-demo-')) : join(root, FOLDER);
  const owner = ownedBy(folder);
  if (owner !== undefined) return `another demo is running (process ${owner}): stop it first`;
  const log = createLog({ level: 'info', format: 'pretty', stream: process.stdout });
  const suffix = shared ? `_${process.pid}_${Date.now().toString(36)}` : '';
  return new DemoWorkspace(root, folder, suffix, shared, log);
}

class DemoWorkspace implements Workspace {
  readonly folder: string;
  readonly topic: string;
  readonly database: string;
  readonly paramsFile: string;
  readonly configFile: string;
  readonly #path: string;
  readonly #suffix: string;
  readonly #shared: string | undefined;
  readonly #log: Log;

  constructor(root: string, path: string, suffix: string, shared: string | undefined, log: Log) {
    this.#path = path;
    this.#suffix = suffix;
    this.#shared = shared;
    this.#log = log;
    this.folder = relative(root, path);
    this.topic = `posts${suffix}`;
    this.database = `demo${suffix}`;
    this.paramsFile = join(this.folder, 'params.json');
    this.configFile = join(this.folder, 'config.json');
  }

  get #stack() {
    return { dataDir: join(this.#path, 'stack'), log: this.#log };
  }

  async start(batchSize: number, partitions: number, signal: AbortSignal): Promise<void> {
    if (existsSync(this.#stack.dataDir)) {
      this.#log.info('removing what the last demo has left');
      await this.remove();
    }
    mkdirSync(this.#path, { recursive: true });
    writeFileSync(join(this.#path, 'pid'), String(process.pid));
    const endpoints: StackEndpoints = this.#shared
      ? JSON.parse(readFileSync(this.#shared, 'utf8'))
      : await up({ ...this.#stack, ports: 'free', signal });
    this.#write('params.json', {
      topic: this.topic,
      producer: {
        topicPartitions: partitions,
        partitionSwitchMinutes: PARTITION_SWITCH_MINUTES,
        cursorFile: join(this.folder, 'state/cursors.json'),
      },
      batch: { size: batchSize, idleMsMax: IDLE_MS },
      table: { database: this.database },
      consumer: {
        group: `kafka-hive${this.#suffix}`,
        liveGroup: `kafka-hive-live${this.#suffix}`,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
      },
      positions: { file: join(this.folder, 'state/positions.json') },
    });
    this.#write('config.json', {
      kafka: { brokers: endpoints.kafka.brokers },
      hive: endpoints.hive,
      hdfs: { nameNodes: endpoints.hdfs.nameNodes, user: HDFS_USER },
    });
  }

  async stop(): Promise<void> {
    if (!this.#shared) await down(this.#stack);
    rmSync(join(this.#path, 'pid'), { force: true });
  }

  async remove(): Promise<void> {
    if (!this.#shared) await wipe(this.#stack);
    rmSync(this.#path, { recursive: true, force: true });
  }

  #write(name: string, value: unknown): void {
    writeFileSync(join(this.#path, name), `${JSON.stringify(value, undefined, 2)}\n`);
  }
}
