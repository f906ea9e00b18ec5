// Which nodes a data directory has, and where its users reach them.
import { type ArtifactOptions, ensureArtifact } from './artifacts.ts';
import type { StackState } from './data-dir.ts';
import { HDFS_USER, hdfsNodes } from './hdfs.ts';
import { hiveNode } from './hive.ts';
import { kafkaNodes } from './kafka.ts';
import { SERVICES, type Service, type StackNode } from './node.ts';

export interface StackEndpoints {
  readonly kafka: { readonly brokers: readonly string[] };
  /** WebHDFS addresses, and the file system's own address for table locations. */
  readonly hdfs: { readonly nameNodes: readonly string[]; readonly uri: string };
  readonly hive: { readonly host: string; readonly port: number };
}

/** The services that have to run for `wanted`; HiveServer2 brings HDFS along. */
export function needed(wanted: readonly Service[]): Service[] {
  return SERVICES.filter(
    (service) => wanted.includes(service) || (service === 'hdfs' && wanted.includes('hive')),
  );
}

/** Nodes that can be started: their artifacts are complete. Throws STACK_ARTIFACT. */
export async function startableNodes(
  dataDir: string,
  state: StackState,
  services: readonly Service[],
  options: ArtifactOptions,
): Promise<StackNode[]> {
  const nodes: StackNode[] = [];
  for (const service of services) {
    const artifact = await ensureArtifact(service, options);
    const layout = { ...state, dataDir, jars: artifact.jars };
    if (service === 'kafka') nodes.push(...kafkaNodes(layout));
    if (service === 'hdfs') nodes.push(...hdfsNodes(layout));
    if (service === 'hive') nodes.push(hiveNode({ ...layout, artifact, site: state.hiveSite }));
  }
  return nodes;
}

/** Every node of a directory for asking, not for starting: without artifacts. */
export function allNodes(dataDir: string, state: StackState): StackNode[] {
  const layout = { ...state, dataDir, jars: [] };
  const artifact = { directory: '', jars: [] };
  return [
    ...kafkaNodes(layout),
    ...hdfsNodes(layout),
    hiveNode({ ...layout, artifact, site: state.hiveSite }),
  ];
}

export function endpointsOf({ ports, brokers }: StackState): StackEndpoints {
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
export function configOf(endpoints: StackEndpoints) {
  return {
    kafka: { brokers: endpoints.kafka.brokers },
    hive: endpoints.hive,
    hdfs: { nameNodes: endpoints.hdfs.nameNodes, user: HDFS_USER },
  };
}
