// What is fetched for each service: pinned Maven coordinates, and what is left out of them because it is not needed
// on loopback (fewer downloads) or clashes. `stack/relock.ts` writes the checksums of the outcome.
import type { Service } from './node.ts';

export interface Coordinates {
  readonly version: string;
  /** `group:artifact:version`; with `!` at the end, without what it depends on. */
  readonly dependencies: readonly string[];
  /** `group:artifact`, `*` for any. */
  readonly leftOut: readonly string[];
  /** Versions that Maven would otherwise choose wrongly. */
  readonly managed?: readonly string[];
  /** Files of an archive: `group:artifact:version:classifier`, a .tar.gz. */
  readonly unpack?: { readonly archive: string; readonly files: string };
}

const KAFKA = '4.3.1';
const HADOOP = '3.4.3';
const HIVE = '4.0.1';
// Hive 4.0.1 is built against these.
const HIVE_HADOOP = '3.3.6';
const HIVE_TEZ = '0.10.4';

export const COORDINATES: Readonly<Record<Service, Coordinates>> = {
  kafka: {
    version: KAFKA,
    dependencies: [
      `org.apache.kafka:kafka_2.13:${KAFKA}`,
      // The command line programs: topics, console consumer, performance tests.
      `org.apache.kafka:kafka-tools:${KAFKA}`,
      'org.slf4j:slf4j-simple:1.7.36',
    ],
    leftOut: ['org.apache.kafka:connect-runtime'],
  },
  hdfs: {
    version: HADOOP,
    dependencies: [
      `org.apache.hadoop:hadoop-hdfs:${HADOOP}`,
      // "provided" in hadoop-hdfs, so they must be named.
      `org.apache.hadoop:hadoop-hdfs-client:${HADOOP}`,
      `org.apache.hadoop:hadoop-common:${HADOOP}`,
    ],
    leftOut: [],
  },
  hive: {
    version: HIVE,
    dependencies: [
      `org.apache.hive:hive-service:${HIVE}`,
      `org.apache.hive:hive-standalone-metastore-server:${HIVE}`,
      // For sqlline, which the metastore brings along: a reader that is not ours.
      `org.apache.hive:hive-jdbc:${HIVE}!`,
      `org.apache.hadoop:hadoop-mapreduce-client-jobclient:${HIVE_HADOOP}`,
      // Classes of hive-exec link against Tez even when MapReduce is the engine.
      `org.apache.tez:tez-dag:${HIVE_TEZ}`,
      `org.apache.tez:tez-mapreduce:${HIVE_TEZ}`,
      `org.apache.hadoop:hadoop-hdfs:${HIVE_HADOOP}!`,
    ],
    leftOut: [
      // SAML and its XML library, which the central repository lacks.
      'org.pac4j:*',
      'net.shibboleth.tool:*',
      // Clash with log4j 1 (reload4j), which Tez needs, and with the unshaded Hadoop client.
      'org.slf4j:slf4j-reload4j',
      'org.apache.logging.log4j:log4j-1.2-api',
      'org.apache.hadoop:hadoop-client-api',
      // Second copies of libraries, in versions that do not fit.
      'org.jline:jline',
      'asm:asm',
      'com.zaxxer:HikariCP-java7',
      'com.sun.jersey:jersey-json',
      'org.bouncycastle:bcprov-jdk15on',
      'org.bouncycastle:bcpkix-jdk15on',
      // Other engines, clouds, shells and caches.
      'io.grpc:*',
      'io.netty:netty-all',
      'org.apache.arrow:*',
      'org.asynchttpclient:*',
      'org.codehaus.groovy:*',
      'org.jetbrains.kotlin:*',
      'com.squareup.okhttp3:*',
      'org.ehcache:*',
      'org.apache.geronimo.specs:geronimo-jcache_1.0_spec',
      'com.microsoft.sqlserver:*',
      'org.apache.hadoop:hadoop-yarn-server-resourcemanager',
      'com.amazonaws.secretsmanager:*',
    ],
    // The nearest one in the tree is 22.0, which is too old.
    managed: ['com.google.guava:guava:27.1-jre'],
    // The SQL of the metastore is in no jar.
    unpack: {
      archive: `org.apache.hive:hive-standalone-metastore-server:${HIVE}:bin`,
      files: '**/scripts/metastore/upgrade/derby/*',
    },
  },
};
