// Hands on the real servers for tests: fill a topic, ask Hive, run a command until it is told to stop.
import type { Admin } from 'kafkajs';
import { HiveClient } from '../../clients/hive/session.ts';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { connectKafka } from '../../clients/kafka/connection.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import type { Config, Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { Stopping } from '../../pipeline/errors.ts';
import { type CommandDeps, Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';

const START_MS = 60_000;

export interface OffsetCount {
  readonly partition: number;
  readonly rows: number;
  readonly distinct: number;
  readonly first: number;
  readonly last: number;
}

/** Opened by a test file once, closed in `after`. */
export class World {
  readonly signal = new AbortController().signal;
  readonly #opened = new Lifecycle();
  readonly #kafka: Config['kafka'];
  readonly #sender: KafkaSender;
  readonly admin: KafkaAdmin;
  readonly hive: HiveClient;

  private constructor(
    kafka: Config['kafka'],
    admin: KafkaAdmin,
    sender: KafkaSender,
    hive: HiveClient,
  ) {
    this.#kafka = kafka;
    this.admin = this.#opened.add('admin', admin);
    this.#sender = this.#opened.add('sender', sender);
    this.hive = this.#opened.add('hive', hive);
  }

  static async open({ config }: Settings): Promise<World> {
    const { signal } = new AbortController();
    return new World(
      config.kafka,
      await KafkaAdmin.open(config.kafka, silentLog, signal, START_MS),
      await KafkaSender.open(config.kafka, silentLog, signal, START_MS),
      await HiveClient.open(config.hive, { log: silentLog, clock: systemClock }, signal),
    );
  }

  async createTopic(topic: string, partitions: number): Promise<void> {
    await this.admin.ensureTopic(topic, { partitions, replication: 1 }, this.signal);
  }

  async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    await this.#sender.send(topic, records, this.signal);
  }

  /** Per topic partition what the table holds, by SQL. Counted here: a plain SELECT needs no MapReduce job. */
  async offsets(table: string): Promise<OffsetCount[]> {
    const rows = await this.hive.query(
      `SELECT kafka_partition AS p, kafka_offset AS o FROM \`default\`.\`${table}\``,
      this.signal,
    );
    const byPartition = new Map<number, number[]>();
    for (const row of rows) {
      const partition = Number(row['p']);
      byPartition.set(partition, [...(byPartition.get(partition) ?? []), Number(row['o'])]);
    }
    return [...byPartition]
      .map(([partition, offsets]) => ({
        partition,
        rows: offsets.length,
        distinct: new Set(offsets).size,
        first: Math.min(...offsets),
        last: Math.max(...offsets),
      }))
      .sort((a, b) => a.partition - b.partition);
  }

  /** Deletes the records before `offset`, as retention does. */
  async deleteRecords(topic: string, partition: number, offset: bigint): Promise<void> {
    await this.administer(async (admin) => {
      // kafkajs looks up the leaders in metadata that it has not loaded by then.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: `${offset}` }] });
    });
  }

  /** What the product never asks of Kafka, by a bare kafkajs. */
  async administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = connectKafka(this.#kafka, silentLog).admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  close(): Promise<void> {
    return this.#opened.close();
  }
}

/** Runs a command until the test stops it; `stop` waits for its end and throws what it threw. */
export function start<T>(
  run: (deps: CommandDeps) => Promise<T>,
  out: (line: string) => void = () => {},
) {
  const controller = new AbortController();
  const deps = { log: silentLog, clock: systemClock, signal: controller.signal, out };
  const done = run(deps);
  done.catch(() => {});
  return {
    done,
    async stop(): Promise<T> {
      controller.abort(new Stopping('the test is done'));
      return done;
    },
  };
}

/** A post in the shape the producer sends. */
export function post(id: number, text = `post ${id} #kafka`): OutgoingRecord {
  const value = {
    id: String(id),
    author: `author${id % 7}`,
    text,
    hashtags: ['kafka'],
    lang: 'en',
    created_at: '2026-11-21T20:15:00.000Z',
    source: 'test',
    url: `https://example.org/${id}`,
  };
  return { key: Buffer.from(String(id)), value: Buffer.from(JSON.stringify(value)) };
}

/** `count` posts spread over `partitions` in turn, ids from `first`. */
export function posts(count: number, partitions: number, first = 0): OutgoingRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    ...post(first + index),
    partition: index % partitions,
  }));
}
