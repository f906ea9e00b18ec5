// Kafka in KRaft mode: one broker, or three that fail over within seconds. Each is broker and controller.
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type JavaProgram, javaArgs, javaCommand, runOnce } from './java.ts';
import { fileName, type StackNode, timesFrom1, writeText } from './node.ts';
import type { StackPorts } from './ports.ts';

const HEAP = '512m';
// Any 16 bytes do; all nodes of a cluster must have the same.
const CLUSTER_ID = 'a2Fma2EtaGl2ZS1zdGFjaw';
const PROBE_MS = 3000;

export interface KafkaLayout {
  readonly dataDir: string;
  readonly ports: StackPorts;
  readonly brokers: 1 | 3;
  readonly jars: readonly string[];
}

function serverProperties(layout: KafkaLayout, id: number, logDir: string): string {
  const { ports, brokers } = layout;
  const port = ports.brokers[id - 1];
  const voters = timesFrom1(brokers, (node) => `${node}@127.0.0.1:${ports.controllers[node - 1]}`);
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': voters.join(','),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${ports.controllers[id - 1]}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': logDir,
    'offsets.topic.replication.factor': brokers,
    // 50 partitions of the offsets topic are 50 directories to open at every start.
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.num.partitions': 4,
    'transaction.state.log.replication.factor': brokers,
    'transaction.state.log.min.isr': brokers === 1 ? 1 : 2,
    'min.insync.replicas': brokers === 1 ? 1 : 2,
    'group.initial.rebalance.delay.ms': 0,
    // A broker that starts forgets what a producer sent last if the records bear an older time than this (usually a day):
    // what is sent again would be there twice. More than 24 days it cannot be told.
    'producer.id.expiration.ms': 24 * 86_400_000,
    'auto.create.topics.enable': false,
    // A dead broker is noticed after 3 s instead of 9 s.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    'controller.quorum.election.timeout.ms': 500,
    'controller.quorum.fetch.timeout.ms': 1000,
  };
  return `${Object.entries(properties)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}

const LOGGING = {
  'org.slf4j.simpleLogger.showDateTime': 'true',
  'org.slf4j.simpleLogger.dateTimeFormat': 'HH:mm:ss.SSS',
};

function program(layout: KafkaLayout, mainClass: string, args: readonly string[]): JavaProgram {
  return { heap: HEAP, classPath: layout.jars, mainClass, args, properties: LOGGING };
}

async function prepare(layout: KafkaLayout, id: number, signal: AbortSignal): Promise<void> {
  const home = join(layout.dataDir, 'kafka', `broker-${id}`);
  const logDir = join(home, 'data');
  const config = join(home, 'server.properties');
  await writeText(config, serverProperties(layout, id, logDir));
  if (existsSync(logDir)) return;
  // Formatted elsewhere and renamed: an interrupted start leaves no half-formatted directory.
  const fresh = `${logDir}.formatting`;
  await rm(fresh, { recursive: true, force: true });
  const formatConfig = join(home, 'format.properties');
  await writeText(formatConfig, serverProperties(layout, id, fresh));
  const args = ['format', '--cluster-id', CLUSTER_ID, '--config', formatConfig];
  await runOnce(
    layout.dataDir,
    `formatting the storage of broker ${id}`,
    {
      name: `broker-${id}-format`,
      command: javaCommand(),
      args: javaArgs(program(layout, 'kafka.tools.StorageTool', args)),
      env: {},
      cwd: home,
    },
    signal,
  );
  await rename(fresh, logDir);
}

export function kafkaNodes(layout: KafkaLayout): StackNode[] {
  return timesFrom1(layout.brokers, (id) => {
    const name = `broker ${id}`;
    const port = layout.ports.brokers[id - 1] ?? 0;
    const home = join(layout.dataDir, 'kafka', `broker-${id}`);
    const args = [join(home, 'server.properties')];
    return {
      name,
      service: 'kafka',
      ports: [port, layout.ports.controllers[id - 1] ?? 0],
      process: {
        name: fileName(name),
        command: javaCommand(),
        args: javaArgs(program(layout, 'kafka.Kafka', args)),
        env: {},
        cwd: home,
      },
      prepare: (signal) => prepare(layout, id, signal),
      missing: async () =>
        (await answersApiVersions(port)) ? undefined : 'an answer to ApiVersions',
    };
  });
}

/**
 * True when a broker answers an ApiVersions request. The port alone opens long before the broker serves.
 * Never rejects.
 */
export function answersApiVersions(port: number, withinMs = PROBE_MS): Promise<boolean> {
  // Size, then header v1: api key 18, version 0, correlation id, client id of length 0.
  const request = Buffer.alloc(14);
  request.writeInt32BE(10, 0);
  request.writeInt16BE(18, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(0x51, 8);
  request.writeInt16BE(0, 12);
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = Buffer.alloc(0);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(withinMs, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      // Correlation id and error code 0.
      if (answer.length >= 10) end(answer.readInt32BE(4) === 0x51 && answer.readInt16BE(8) === 0);
    });
  });
}
