// HiveServer2 with its metastore (embedded Derby) and local MapReduce; its warehouse lies on the HDFS of this stack.
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Artifact } from './artifacts.ts';
import { GROUPS, HDFS_USER } from './hdfs.ts';
import { hiveAnswers } from './hive-probe.ts';
import { javaArgs, javaCommand, runOnce } from './java.ts';
import { fileName, type StackNode, siteXml, writeText } from './node.ts';
import type { StackPorts } from './ports.ts';

const HEAP = '2g';

export interface HiveLayout {
  readonly dataDir: string;
  readonly ports: StackPorts;
  readonly artifact: Artifact;
  /** Properties of hive-site.xml that differ from ours, e.g. another authentication or TLS. */
  readonly site: Readonly<Record<string, string>>;
}

const home = (layout: HiveLayout) => join(layout.dataDir, 'hive');
const metastore = (layout: HiveLayout) => join(home(layout), 'metastore_db');

// Statements are logged at INFO, whole and several times: only what starts and what fails is worth a line.
const LOG4J2 = `status = ERROR
appenders = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
loggers = server, thrift
logger.server.name = org.apache.hive.service.server
logger.server.level = INFO
logger.thrift.name = org.apache.hive.service.cli.thrift
logger.thrift.level = WARN
rootLogger.level = WARN
rootLogger.appenderRefs = console
rootLogger.appenderRef.console.ref = console
`;

const LOG4J = `log4j.rootLogger=WARN,C
log4j.appender.C=org.apache.log4j.ConsoleAppender
log4j.appender.C.target=System.err
log4j.appender.C.layout=org.apache.log4j.PatternLayout
log4j.appender.C.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
`;

// JSON and Parquet tables may get new columns only when the metastore, not the SerDe, keeps their schema.
const SERDES_IN_METASTORE = [
  'org.apache.hadoop.hive.ql.io.orc.OrcSerde',
  'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
  'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
  'org.apache.hadoop.hive.serde2.OpenCSVSerde',
  'org.apache.hadoop.hive.serde2.JsonSerDe',
].join(',');

/**
 * hive-exec carries its own copies of many libraries (ANTLR, Thrift, protobuf) and is built against those, so it must
 * stand before the separate jars, some of which are too old for it.
 */
function classPath(jars: readonly string[]): string[] {
  const isExec = (jar: string) => basename(jar).startsWith('hive-exec-');
  return [...jars.filter(isExec), ...jars.filter((jar) => !isExec(jar))];
}

/** Paths that a local MapReduce job uses are literal: it does not resolve variables. */
function hiveSite(layout: HiveLayout): Record<string, string> {
  const { ports } = layout;
  const warehouse = `hdfs://127.0.0.1:${ports.nameNodeRpc}`;
  const local = (name: string) => join(home(layout), name);
  return {
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': '20',
    'hive.metastore.warehouse.dir': `${warehouse}/warehouse/managed`,
    'hive.metastore.warehouse.external.dir': `${warehouse}/warehouse/external`,
    'javax.jdo.option.ConnectionURL': `jdbc:derby:;databaseName=${metastore(layout)};create=true`,
    'javax.jdo.option.ConnectionDriverName': 'org.apache.derby.jdbc.EmbeddedDriver',
    'hive.exec.scratchdir': `${warehouse}/tmp/hive`,
    'hive.exec.local.scratchdir': local('scratch'),
    // A session removes this directory when it ends: one that begins just then would miss a shared one.
    'hive.downloaded.resources.dir': `${local('resources')}/\${hive.session.id}`,
    'hive.querylog.location': local('querylog'),
    'hive.server2.logging.operation.log.location': local('operations'),
    'hadoop.tmp.dir': local('tmp'),
    'mapreduce.cluster.local.dir': local('mapred'),
    'mapreduce.jobtracker.staging.root.dir': local('staging'),
    // It starts together with HDFS and asks until the NameNode is there; the stock pause is a minute.
    'hive.server2.sleep.interval.between.start.attempts': '500ms',
    'hive.server2.max.start.attempts': '1000',
    'hive.server2.enable.doAs': 'false',
    'hive.server2.authentication': 'NONE',
    'hive.server2.thrift.bind.host': '127.0.0.1',
    'hive.server2.thrift.port': String(ports.hive),
    'hive.server2.webui.port': '0',
    'hive.server2.materializedviews.registry.impl': 'DUMMY',
    'hive.notification.event.poll.interval': '0s',
    'hive.server2.tez.initialize.default.sessions': 'false',
    // Tez in one process was seen to finish statements over no rows after another one was cancelled.
    'hive.execution.engine': 'mr',
    'mapreduce.framework.name': 'local',
    'hive.exec.submit.local.task.via.child': 'false',
    'hive.auto.convert.join': 'false',
    // Counts are read from the files, never from statistics that a LOAD has not updated.
    'hive.stats.autogather': 'false',
    'hive.compute.query.using.stats': 'false',
    'hive.serdes.using.metastore.for.schema': SERDES_IN_METASTORE,
    // On Derby the lock manager's tables deadlock for minutes after a client was killed in the middle of a statement; external
    // tables take no locks anyway.
    'hive.support.concurrency': 'false',
    'hive.txn.manager': 'org.apache.hadoop.hive.ql.lockmgr.DummyTxnManager',
    ...layout.site,
  };
}

async function writeConf(layout: HiveLayout): Promise<string> {
  const conf = join(home(layout), 'conf');
  const fileSystem = `hdfs://127.0.0.1:${layout.ports.nameNodeRpc}`;
  await writeText(join(conf, 'core-site.xml'), siteXml({ 'fs.defaultFS': fileSystem, ...GROUPS }));
  await writeText(join(conf, 'hive-site.xml'), siteXml(hiveSite(layout)));
  await writeText(join(conf, 'hive-log4j2.properties'), LOG4J2);
  await writeText(join(conf, 'log4j2.properties'), LOG4J2);
  await writeText(join(conf, 'log4j.properties'), LOG4J);
  return conf;
}

function spec(layout: HiveLayout, name: string, mainClass: string, heap: string, args: string[]) {
  return {
    name,
    command: javaCommand(),
    args: javaArgs({
      heap,
      classPath: [join(home(layout), 'conf'), ...classPath(layout.artifact.jars)],
      mainClass,
      args,
      properties: {
        'derby.stream.error.file': join(layout.dataDir, 'log', 'derby.log'),
        'java.io.tmpdir': join(home(layout), 'tmp'),
        HADOOP_USER_NAME: HDFS_USER,
        // Its entries are of use to one statement only and keep that statement's configuration; stock are 1000.
        'calcite.metadata.handler.cache.maximum.size': '50',
      },
      flags: ['-XX:+ExitOnOutOfMemoryError'],
    }),
    env: {
      // Only as a property: for each statement Hive makes a new proxy user out of a user named in the environment,
      // and each of them keeps a file system and a configuration (1 MB) for good.
      HADOOP_USER_NAME: undefined,
      HADOOP_HOME: layout.artifact.directory,
      HIVE_HOME: layout.artifact.directory,
      METASTORE_HOME: layout.artifact.directory,
    },
    cwd: home(layout),
  };
}

const SCHEMA_TOOL = 'org.apache.hadoop.hive.metastore.tools.schematool.MetastoreSchemaTool';

/** Making the schema takes as long as starting; so it is made once per artifact and copied. */
async function prepareMetastore(layout: HiveLayout, signal: AbortSignal): Promise<void> {
  if (existsSync(metastore(layout))) return;
  const template = `${layout.artifact.directory}-metastore`;
  const fresh = `${metastore(layout)}.new`;
  await rm(fresh, { recursive: true, force: true });
  if (existsSync(template)) {
    await cp(template, fresh, { recursive: true });
  } else {
    await makeSchema(layout, fresh, signal);
    const copy = `${template}.${process.pid}`;
    await cp(fresh, copy, { recursive: true });
    await rename(copy, template).catch(() => rm(copy, { recursive: true }));
  }
  await rename(fresh, metastore(layout));
}

async function makeSchema(layout: HiveLayout, at: string, signal: AbortSignal): Promise<void> {
  const url = `jdbc:derby:;databaseName=${at};create=true`;
  const conf = join(home(layout), 'conf', 'hive-site.xml');
  await writeText(conf, siteXml({ ...hiveSite(layout), 'javax.jdo.option.ConnectionURL': url }));
  const args = ['-dbType', 'derby', '-initSchema'];
  await runOnce(
    layout.dataDir,
    'making the schema of the metastore',
    spec(layout, 'hive-schema', SCHEMA_TOOL, '512m', args),
    signal,
  );
}

export function hiveNode(layout: HiveLayout): StackNode {
  const name = 'hive';
  const site = hiveSite(layout);
  const transport = site['hive.server2.transport.mode'];
  const probe = {
    port: layout.ports.hive,
    authentication: site['hive.server2.authentication'] ?? 'NONE',
    tls: site['hive.server2.use.SSL'] === 'true',
    transport: transport === 'http' || transport === 'all' ? transport : 'binary',
  } as const;
  return {
    name,
    service: 'hive',
    ports: [layout.ports.hive],
    process: spec(layout, fileName(name), 'org.apache.hive.service.server.HiveServer2', HEAP, []),
    async prepare(signal) {
      await mkdir(join(home(layout), 'tmp'), { recursive: true });
      await mkdir(dirname(metastore(layout)), { recursive: true });
      await prepareMetastore(layout, signal);
      await writeConf(layout);
    },
    missing: async () => ((await hiveAnswers(probe)) ? undefined : 'an answer to OpenSession'),
  };
}
