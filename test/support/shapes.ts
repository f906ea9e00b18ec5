// Fills topics as our own producer never does: topics of other settings, transactions, records packed by Java's producer.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CompressionTypes, type Kafka } from 'kafkajs';
import { connectKafka } from '../../clients/kafka/connection.ts';
import type { Config } from '../../params/schema.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { ensureArtifact } from '../../stack/artifacts.ts';
import { javaArgs, javaCommand } from '../../stack/java.ts';
import { eventually } from './eventually.ts';
import { uniqueName } from './stack.ts';

const run = promisify(execFile);

export type JavaCodec = 'gzip' | 'snappy' | 'lz4' | 'zstd';

export class Shapes {
  readonly #config: Config['kafka'];
  readonly #kafka: Kafka;

  constructor(config: Config['kafka']) {
    this.#config = config;
    this.#kafka = connectKafka(config, silentLog);
  }

  /** A topic with settings of its own, such as `cleanup.policy`. */
  async createTopic(topic: string, partitions: number, settings: Record<string, string>) {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
      await admin.createTopics({
        topics: [{ topic, numPartitions: partitions, configEntries }],
        waitForLeaders: false,
      });
      await eventually(() => admin.fetchTopicOffsets(topic));
    } finally {
      await admin.disconnect();
    }
  }

  /** As when the group's offsets have expired. Waits until the last member has left. */
  async deleteGroup(group: string): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      await eventually(() => admin.deleteGroups([group]));
    } finally {
      await admin.disconnect();
    }
  }

  /** Writes `records` in one transaction to each partition they name, and ends it with a marker there. */
  async transaction(topic: string, records: readonly OutgoingRecord[], end: 'commit' | 'abort') {
    const producer = this.#kafka.producer({
      transactionalId: uniqueName('transaction'),
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    try {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: records.map(toMessage) });
      await transaction[end]();
    } finally {
      await producer.disconnect();
    }
  }

  /** Sends one record as a gzip batch of its own. */
  async sendGzip(topic: string, value: Buffer): Promise<void> {
    const producer = this.#kafka.producer();
    await producer.connect();
    try {
      await producer.send({ topic, messages: [{ value }], compression: CompressionTypes.GZIP });
    } finally {
      await producer.disconnect();
    }
  }

  /** Sends each line as a record with Java's own producer, in batches of `batchBytes` or a single longer line. */
  async sendByJava(
    topic: string,
    lines: readonly string[],
    codec: JavaCodec,
    batchBytes = 16 * 1024,
  ): Promise<void> {
    const args = [
      ...['--topic', topic],
      ...['--compression-codec', codec],
      ...['--batch-size', `${batchBytes}`],
      ...['--request-timeout-ms', '60000'],
      ...['--command-property', 'linger.ms=60000'],
    ];
    await this.#java('ConsoleProducer', args, lines.map((line) => `${line}\n`).join(''));
  }

  /** The first `count` values of a topic of one partition, as Java's own consumer reads them. */
  async readByJava(topic: string, count: number): Promise<string[]> {
    const args = ['--topic', topic, '--from-beginning', '--max-messages', `${count}`];
    const { stdout } = await this.#java('consumer.ConsoleConsumer', [
      ...args,
      '--timeout-ms',
      '60000',
    ]);
    return stdout.trimEnd().split('\n');
  }

  /** Runs a program of Kafka's tools to its end, with `input` as its standard input. */
  async #java(name: string, args: readonly string[], input = '') {
    const { jars } = await ensureArtifact('kafka', {
      log: silentLog,
      signal: new AbortController().signal,
    });
    const running = run(
      javaCommand(),
      javaArgs({
        heap: '256m',
        classPath: jars,
        mainClass: `org.apache.kafka.tools.${name}`,
        args: ['--bootstrap-server', this.#config.brokers.join(','), ...args],
      }),
      { maxBuffer: 64 * 1024 * 1024 },
    );
    running.child.stdin?.end(input);
    return running;
  }
}

function toMessage({ key, value, headers, partition, timestamp }: OutgoingRecord) {
  return {
    key,
    value,
    ...(headers ? { headers: { ...headers } } : {}),
    ...(partition === undefined ? {} : { partition }),
    ...(timestamp === undefined ? {} : { timestamp: `${timestamp}` }),
  };
}
