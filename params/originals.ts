// The names of the Python originals this product grew from: what to write instead of each.
import { isRawObject, type RawObject } from './draft.ts';

const X_KEYS =
  'x.bearerToken in config.json stands in for the four keys of the original; better, set KH_X__BEARER_TOKEN or KH_X__BEARER_TOKEN_FILE';
const LOGS = 'logs go to standard error (2> file); log.level and log.format say how';

const KEYS: Readonly<Record<string, string>> = {
  lenght_bloc: 'write batch.size: "batch": {"size": ...}',
  length_bloc: 'write batch.size: "batch": {"size": ...}',
  host_hive: 'write hive.host in config.json: "hive": {"host": ...}',
  user_hive: 'write hive.username in config.json: "hive": {"username": ...}',
  password_hive:
    'write hive.password in config.json, or better set KH_HIVE__PASSWORD or KH_HIVE__PASSWORD_FILE',
  database_hive: 'write table.database: "table": {"database": ...}',
  table_hive: 'write table.name: "table": {"name": ...}',
  zookieper_port: 'leave it out: Kafka needs no ZooKeeper any more',
  zookeeper_port: 'leave it out: Kafka needs no ZooKeeper any more',
  log_file: LOGS,
  ...hdfsConsumer('base_path', 'basePath'),
  ...hdfsConsumer('batch_size', 'batchSize'),
  ...hdfsConsumer('flush_interval', 'flushIntervalMs', ', in milliseconds'),
  ...hdfsConsumer('max_file_size', 'fileBytesMax', ', in bytes'),
  ...hdfsConsumer('compression', 'compression'),
  ...hdfsConsumer('replication_factor', 'replication'),
  ...hdfsConsumer('buffer_memory', 'bufferBytesMax', ', in bytes'),
  ...hdfsConsumer('max_poll_records', 'maxPollRecords'),
  CONSUMER_KEY: X_KEYS,
  CONSUMER_SECRET: X_KEYS,
  ACCESS_TOKEN: X_KEYS,
  ACCESS_SECRET: X_KEYS,
};

function hdfsConsumer(original: string, key: string, unit = ''): Readonly<Record<string, string>> {
  return {
    [original]: `write hdfsConsumer.${key}${unit}: "hdfsConsumer": {"${key}": ...}`,
  };
}

/** What to write instead of an original's key at the top of a file, undefined for any other key. */
export function originalKeyHint(key: string, root: RawObject): string | undefined {
  if (key === 'cluster') {
    return `write kafka.brokers in config.json: "kafka": {"brokers": ${brokers(root)}}`;
  }
  if (key === 'server_port') {
    return 'write the port behind each broker, kafka.brokers in config.json: ["host:port", ...]';
  }
  return Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
}

/** `cluster` and `server_port` as the list that replaces them; placeholders for what is no plain host or port. */
function brokers(root: RawObject): string {
  const port = /^\d{1,5}$/.test(String(root['server_port'])) ? root['server_port'] : 'port';
  const cluster = root['cluster'];
  const hosts = isRawObject(cluster) ? Object.values(cluster) : [];
  const plain = hosts.filter(
    (host): host is string => typeof host === 'string' && /^[\w.-]+$/.test(host),
  );
  const list = plain.length > 0 ? plain : ['host'];
  return JSON.stringify(list.map((host) => `${host}:${port}`)).replaceAll('","', '", "');
}

/** One of the originals' variables: the settings it stands for, or why its value is none. */
export interface OriginalVariable {
  readonly name: string;
  readonly values: (text: string) => Readonly<Record<string, string>> | undefined;
  readonly expected: string;
}

export const ORIGINAL_VARIABLES: readonly OriginalVariable[] = [
  {
    name: 'KAFKA_BOOTSTRAP_SERVERS',
    values: (text) => ({ 'kafka.brokers': text }),
    expected: 'host:port,...',
  },
  {
    name: 'KAFKA_GROUP_ID',
    // The consumers of Hive tables keep groups of their own, so that neither moves the other's offsets.
    values: (text) => ({
      'consumer.group': text,
      'consumer.liveGroup': `${text}-live`,
      'hdfsConsumer.group': text,
    }),
    expected: 'a group id',
  },
  {
    name: 'KAFKA_AUTO_OFFSET_RESET',
    values: (text) => {
      const from = { earliest: 'beginning', latest: 'end' }[text];
      return from === undefined
        ? undefined
        : { 'consumer.from': from, 'hdfsConsumer.offsetReset': text };
    },
    expected: 'earliest or latest',
  },
  {
    name: 'HDFS_BASE_PATH',
    values: (text) => ({ 'hdfsConsumer.basePath': text }),
    expected: 'a path',
  },
  {
    name: 'HDFS_BATCH_SIZE',
    values: (text) => ({ 'hdfsConsumer.batchSize': text }),
    expected: 'a number of records',
  },
  {
    name: 'HDFS_FLUSH_INTERVAL',
    values: (text) =>
      /^\d+(\.\d+)?$/.test(text)
        ? { 'hdfsConsumer.flushIntervalMs': String(Math.round(Number(text) * 1000)) }
        : undefined,
    expected: 'a number of seconds',
  },
  {
    name: 'CONSUMER_TIMEOUT_MS',
    values: (text) => ({ 'hdfsConsumer.pollMs': text }),
    expected: 'milliseconds',
  },
  {
    name: 'MAX_POLL_RECORDS',
    values: (text) => ({ 'hdfsConsumer.maxPollRecords': text }),
    expected: 'a number of records',
  },
];
