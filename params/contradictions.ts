// Settings that are well formed each but cannot hold together; and some that can, but deserve a warning.
import { DAY_COLUMN, KAFKA_COLUMNS } from '../pipeline/table.ts';
import type { Settings, TlsSettings } from './schema.ts';
import { parseStartPoint } from './start-point.ts';

/** `key` is where the message points: the setting a person would change first. */
export interface Finding {
  readonly key: string;
  readonly message: string;
}

/** The longest name Kafka takes for a topic. */
const TOPIC_LENGTH_MAX = 249;
const COME_BACK = 'dead letters would come back as records; choose a topic of their own';

export function contradictions(settings: Settings): Finding[] {
  return [
    ...producerFindings(settings),
    ...tableFindings(settings),
    ...consumerFindings(settings),
    ...alertFindings(settings),
    ...hdfsConsumerFindings(settings),
    ...startFindings(settings.params.consumer.from),
    ...connectionFindings(settings),
    ...addressFindings(settings),
  ];
}

export function warnings({ config }: Settings): Finding[] {
  const found: Finding[] = [];
  const { kafka, hive } = config;
  if (kafka.sasl && !encrypted(kafka.tls)) {
    found.push({
      key: 'kafka.sasl',
      message: 'without kafka.tls, user and password travel where the network can read them',
    });
  }
  if (hive.auth === 'password' && !encrypted(hive.tls)) {
    found.push({
      key: 'hive.auth',
      message: 'without hive.tls, user and password travel where the network can read them',
    });
  }
  return found;
}

function producerFindings({ params: { producer } }: Settings): Finding[] {
  const found: Finding[] = [];
  const { source, input, raw, csv, follow } = producer;
  if (new Set(source).size < source.length) {
    found.push({ key: 'producer.source', message: 'a source stands there twice' });
  }
  if (raw && csv) {
    const message = 'a row of CSV becomes JSON, a raw line stays as it is; choose one of the two';
    found.push({ key: 'producer.csv', message });
  }
  const [first] = input;
  if (follow && (input.length !== 1 || first === '-' || first?.endsWith('.gz'))) {
    const message =
      'needs producer.input with one file that grows; standard input is followed anyway';
    found.push({ key: 'producer.follow', message });
  }
  return found;
}

function tableFindings({ params }: Settings): Finding[] {
  const { table, consumer } = params;
  const found: Finding[] = [];
  const reserved = new Set<string>([...KAFKA_COLUMNS.map(({ name }) => name), DAY_COLUMN]);
  const seen = new Set<string>();
  for (const [index, column] of table.columns.entries()) {
    const name = column.name.toLowerCase();
    const key = `table.columns.${index}.name`;
    if (reserved.has(name)) {
      found.push({ key, message: `${column.name} is a column every table has; choose another` });
    } else if (seen.has(name)) {
      found.push({ key, message: `two columns are called ${column.name} (Hive ignores case)` });
    }
    seen.add(name);
  }
  const day = table.dayFrom.toLowerCase();
  const source = table.columns.find(({ name }) => name.toLowerCase() === day);
  if (day !== 'kafka_timestamp' && source?.type !== 'timestamp') {
    const message = source
      ? `column ${source.name} is of type ${source.type}; expected kafka_timestamp or a timestamp column`
      : 'expected kafka_timestamp or the name of a timestamp column in table.columns';
    found.push({ key: 'table.dayFrom', message });
  }
  if (table.name.toLowerCase() === table.liveName.toLowerCase()) {
    const message = 'the live consumer needs a table of its own, other than table.name';
    found.push({ key: 'table.liveName', message });
  }
  if (
    consumer.valueFormat === 'text' &&
    !table.columns.some(({ path }) => path === '$' || path === '$rest')
  ) {
    const message = 'text needs a column for the whole value: path $ or $rest in table.columns';
    found.push({ key: 'consumer.valueFormat', message });
  }
  if (consumer.sink === 'hive-insert' && table.format !== 'parquet') {
    const message = `consumer.sink hive-insert writes parquet only; ${table.format} needs hive-load`;
    found.push({ key: 'table.format', message });
  }
  return found;
}

function consumerFindings({ params }: Settings): Finding[] {
  const found: Finding[] = [];
  const deadLetters = params.deadLetters.topic ?? `${params.topic}.dead-letters`;
  if (deadLetters === params.topic) {
    found.push({ key: 'deadLetters.topic', message: COME_BACK });
  } else if (deadLetters.length > TOPIC_LENGTH_MAX) {
    const message = `${params.topic.length} characters leave no room for .dead-letters; set deadLetters.topic`;
    found.push({ key: 'topic', message });
  }
  if (params.batch.bytesMax > params.limits.bufferBytesMax) {
    const message = `a batch of ${params.batch.bytesMax} bytes does not fit limits.bufferBytesMax (${params.limits.bufferBytesMax})`;
    found.push({ key: 'batch.bytesMax', message });
  }
  const { dedupe, valueFormat } = params.consumer;
  if (dedupe && dedupe.by !== '$key' && valueFormat === 'text') {
    const message = 'consumer.valueFormat text has no fields; only $key tells its records apart';
    found.push({ key: 'consumer.dedupe.by', message });
  }
  if (params.consumer.group === params.consumer.liveGroup) {
    const message = 'the live consumer needs a group of its own, other than consumer.group';
    found.push({ key: 'consumer.liveGroup', message });
  }
  return found;
}

/** What weather-alerts sends must not come back to it, nor one kind of record stand among the other. */
function alertFindings({ params }: Settings): Finding[] {
  const { topics, alertTopic, countTopic } = params.alerts;
  const letters = lettersOf(topics, params);
  const sent = [...topics, ...letters, alertTopic];
  const found: Finding[] = [];
  if ([...topics, ...letters].includes(alertTopic)) {
    const message = 'alerts need a topic of their own, neither read nor one of dead letters';
    found.push({ key: 'alerts.alertTopic', message });
  }
  if (sent.includes(countTopic)) {
    const message =
      'counts need a topic of their own, neither read nor one of alerts or dead letters';
    found.push({ key: 'alerts.countTopic', message });
  }
  if (letters.some((topic) => topics.includes(topic))) {
    found.push({ key: 'alerts.topics', message: COME_BACK });
  }
  return found;
}

function hdfsConsumerFindings({ params }: Settings): Finding[] {
  const { topics = [] } = params.hdfsConsumer;
  const comeBack = lettersOf(topics, params).some((topic) => topics.includes(topic));
  return comeBack ? [{ key: 'hdfsConsumer.topics', message: COME_BACK }] : [];
}

/** Where the dead letters of `topics` go. */
function lettersOf(topics: readonly string[], { deadLetters }: Settings['params']): string[] {
  return topics.map((topic) => deadLetters.topic ?? `${topic}.dead-letters`);
}

function startFindings(from: string): Finding[] {
  const point = parseStartPoint(from);
  return typeof point === 'string' ? [{ key: 'consumer.from', message: point }] : [];
}

function connectionFindings({ config }: Settings): Finding[] {
  const found: Finding[] = [];
  for (const [index, broker] of config.kafka.brokers.entries()) {
    const port = Number(broker.slice(broker.lastIndexOf(':') + 1));
    if (port < 1 || port > 65_535) {
      found.push({ key: `kafka.brokers.${index}`, message: 'expected a port from 1 to 65535' });
    }
  }
  if (config.hive.auth === 'password' && !config.hive.password) {
    const message = 'password needs hive.password; set KH_HIVE__PASSWORD or KH_HIVE__PASSWORD_FILE';
    found.push({ key: 'hive.auth', message });
  }
  for (const section of ['kafka', 'hive', 'hdfs'] as const) {
    const tls = config[section].tls;
    if (!tls || (tls.cert === undefined) === (tls.key === undefined)) continue;
    const [has, lacks] = tls.cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    const message = `a client certificate is two files: set ${section}.tls.${lacks} too`;
    found.push({ key: `${section}.tls.${has}`, message });
  }
  return found;
}

/** Addresses are printed and logged, so they may not carry a password. */
function addressFindings({ params, config }: Settings): Finding[] {
  const addresses: [string, string | undefined][] = [
    ...config.hdfs.nameNodes.map((url, at): [string, string] => [`hdfs.nameNodes.${at}`, url]),
    ['x.apiUrl', config.x.apiUrl],
    ...config.bluesky.hosts.map((url, at): [string, string] => [`bluesky.hosts.${at}`, url]),
    ...config.mastodon.servers.map(({ url }, at): [string, string] => [
      `mastodon.servers.${at}.url`,
      url,
    ]),
    ['table.location', params.table.location],
    ['openMeteo.geocodingUrl', config.openMeteo.geocodingUrl],
    ['openMeteo.forecastUrl', config.openMeteo.forecastUrl],
  ];
  return addresses
    .filter(([, address]) => address !== undefined && /^[a-z]+:\/\/[^/]*@/i.test(address))
    .map(([key]) => ({ key, message: 'an address may not hold a user or password' }));
}

const encrypted = (tls: TlsSettings | undefined) => tls?.enabled === true;
