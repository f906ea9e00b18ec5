// HDFS: one NameNode and one to three DataNodes with WebHDFS, each a Java process of its own.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { javaArgs, javaCommand, runOnce } from './java.ts';
import { fileName, type StackNode, siteXml, timesFrom1, writeText } from './node.ts';
import type { StackPorts } from './ports.ts';

const HEAP = '256m';
const PROBE_MS = 3000;
/** Owner of everything; HiveServer2 runs as the same user. */
export const HDFS_USER = 'hdfs';

/** Users of HDFS need not exist on this machine, so the system is not asked (by a shell) for their groups. */
export const GROUPS = {
  'hadoop.security.group.mapping': 'org.apache.hadoop.security.NullGroupsMapping',
  'hadoop.user.group.static.mapping.overrides': `${HDFS_USER}=supergroup`,
};

export interface HdfsLayout {
  readonly dataDir: string;
  readonly ports: StackPorts;
  readonly dataNodes: number;
  readonly jars: readonly string[];
}

const LOG4J = `log4j.rootLogger=INFO,C
log4j.logger.BlockStateChange=WARN
log4j.logger.org.apache.hadoop.hdfs.server.datanode.DataNode.clienttrace=WARN
log4j.logger.org.apache.hadoop.hdfs.StateChange=WARN
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.target=System.err
log4j.appender.C.layout=org.apache.log4j.PatternLayout
log4j.appender.C.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
`;

const home = (layout: HdfsLayout) => join(layout.dataDir, 'hdfs');
const url = (path: string) => pathToFileURL(path).href;

function coreSite(layout: HdfsLayout): string {
  return siteXml({
    'fs.defaultFS': `hdfs://127.0.0.1:${layout.ports.nameNodeRpc}`,
    'hadoop.http.staticuser.user': HDFS_USER,
    'hadoop.security.authentication': 'simple',
    ...GROUPS,
    'hadoop.tmp.dir': join(home(layout), 'tmp'),
    // HiveServer2 acts for its users through a proxy user even when doAs is off.
    // Servers that start together find each other within this time instead of a second.
    'ipc.client.connect.retry.interval': 200,
    'ipc.client.connect.max.retries': 50,
    [`hadoop.proxyuser.${HDFS_USER}.hosts`]: '*',
    [`hadoop.proxyuser.${HDFS_USER}.groups`]: '*',
    [`hadoop.proxyuser.${HDFS_USER}.users`]: '*',
  });
}

function hdfsSite(layout: HdfsLayout, nameDir: string, dataNode: number): string {
  const { ports } = layout;
  const [data, http, ipc] = ports.dataNodes[dataNode - 1] ?? [0, 0, 0];
  return siteXml({
    'dfs.namenode.rpc-address': `127.0.0.1:${ports.nameNodeRpc}`,
    'dfs.namenode.http-address': `127.0.0.1:${ports.nameNodeHttp}`,
    'dfs.namenode.name.dir': url(nameDir),
    'dfs.webhdfs.enabled': true,
    'dfs.permissions.enabled': true,
    'dfs.replication': layout.dataNodes,
    'dfs.namenode.replication.min': 1,
    'dfs.namenode.datanode.registration.ip-hostname-check': false,
    'dfs.namenode.safemode.extension': 0,
    'dfs.namenode.safemode.min.datanodes': 1,
    // A dead DataNode is noticed after 20 s instead of 10 minutes.
    'dfs.heartbeat.interval': 1,
    'dfs.namenode.heartbeat.recheck-interval': 5000,
    'dfs.namenode.stale.datanode.interval': 6000,
    'dfs.client.block.write.replace-datanode-on-failure.best-effort': true,
    // Every close that races the block report sleeps this long; the stock 400 ms would be most of a write.
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': 20,
    'dfs.namenode.redundancy.considerLoad': false,
    'dfs.datanode.data.dir': url(join(home(layout), `datanode-${dataNode}`)),
    'dfs.datanode.address': `127.0.0.1:${data}`,
    'dfs.datanode.http.address': `127.0.0.1:${http}`,
    'dfs.datanode.ipc.address': `127.0.0.1:${ipc}`,
    'dfs.datanode.hostname': '127.0.0.1',
    // Disk space is asked from the system, not by walking the tree, and nothing is held back.
    'dfs.datanode.du.reserved': 0,
  });
}

async function writeConf(layout: HdfsLayout, node: string, nameDir: string, dataNode: number) {
  const conf = join(home(layout), 'conf', node);
  await writeText(join(conf, 'core-site.xml'), coreSite(layout));
  await writeText(join(conf, 'hdfs-site.xml'), hdfsSite(layout, nameDir, dataNode));
  await writeText(join(conf, 'log4j.properties'), LOG4J);
  // The jars carry no web pages, and without these directories on the class path nothing starts.
  for (const app of ['hdfs', 'datanode', 'static']) {
    await mkdir(join(home(layout), 'web', 'webapps', app), { recursive: true });
  }
}

function spec(layout: HdfsLayout, node: string, mainClass: string, name: string, args: string[]) {
  return {
    name,
    command: javaCommand(),
    args: javaArgs({
      heap: HEAP,
      classPath: [join(home(layout), 'conf', node), join(home(layout), 'web'), ...layout.jars],
      mainClass,
      args,
      properties: {
        'hadoop.home.dir': home(layout),
        'hadoop.log.dir': join(layout.dataDir, 'log'),
      },
    }),
    env: { HADOOP_USER_NAME: HDFS_USER },
    cwd: home(layout),
  };
}

const NAME_NODE = 'org.apache.hadoop.hdfs.server.namenode.NameNode';
const DATA_NODE = 'org.apache.hadoop.hdfs.server.datanode.DataNode';

async function prepareNameNode(layout: HdfsLayout, signal: AbortSignal): Promise<void> {
  const nameDir = join(home(layout), 'namenode');
  if (!existsSync(nameDir)) {
    // Formatted elsewhere and renamed: an interrupted start leaves no half-formatted directory.
    const fresh = `${nameDir}.formatting`;
    await rm(fresh, { recursive: true, force: true });
    await writeConf(layout, 'format', fresh, 1);
    const args = ['-format', '-nonInteractive', '-force'];
    await runOnce(
      layout.dataDir,
      'formatting the NameNode',
      spec(layout, 'format', NAME_NODE, 'namenode-format', args),
      signal,
    );
    await rename(fresh, nameDir);
  }
  await writeConf(layout, 'namenode', nameDir, 1);
}

export function hdfsNodes(layout: HdfsLayout): StackNode[] {
  const { ports } = layout;
  const nameDir = join(home(layout), 'namenode');
  const nameNode: StackNode = {
    name: 'namenode',
    service: 'hdfs',
    ports: [ports.nameNodeHttp, ports.nameNodeRpc],
    process: spec(layout, 'namenode', NAME_NODE, 'namenode', []),
    prepare: (signal) => prepareNameNode(layout, signal),
    missing: () => nameNodeMisses(ports.nameNodeHttp, layout.dataNodes),
  };
  const dataNodes = timesFrom1(layout.dataNodes, (id): StackNode => {
    const name = `datanode ${id}`;
    const addresses = ports.dataNodes[id - 1] ?? [0, 0, 0];
    return {
      name,
      service: 'hdfs',
      ports: addresses,
      process: spec(layout, fileName(name), DATA_NODE, fileName(name), []),
      prepare: () => writeConf(layout, fileName(name), nameDir, id),
      missing: () => dataNodeMisses(addresses[1]),
    };
  });
  return [nameNode, ...dataNodes];
}

/** One bean of a Hadoop server's /jmx, or undefined when it does not answer. */
async function jmx(port: number, bean: string): Promise<Record<string, unknown> | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/jmx?qry=Hadoop:${bean}`, {
      signal: AbortSignal.timeout(PROBE_MS),
    });
    const body = (await response.json()) as { beans?: Record<string, unknown>[] };
    return body.beans?.[0];
  } catch {
    return undefined;
  }
}

async function nameNodeMisses(port: number, dataNodes: number): Promise<string | undefined> {
  const state = await jmx(port, 'service=NameNode,name=FSNamesystemState');
  if (!state) return 'an answer of the NameNode';
  const live = Number(state['NumLiveDataNodes']);
  if (live < dataNodes) return `${dataNodes - live} of ${dataNodes} DataNodes`;
  return state['FSState'] === 'Operational' ? undefined : 'the end of safe mode';
}

async function dataNodeMisses(httpPort: number): Promise<string | undefined> {
  const info = await jmx(httpPort, 'service=DataNode,name=DataNodeInfo');
  if (!info) return 'an answer of the DataNode';
  return String(info['BPServiceActorInfo']).includes('RUNNING')
    ? undefined
    : 'registration with the NameNode';
}
