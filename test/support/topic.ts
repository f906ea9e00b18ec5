// Reads a topic whole with a bare kafkajs consumer: the reader that checks what the producer sent.
import { Kafka, logLevel } from 'kafkajs';
import type { Config } from '../../params/schema.ts';
import { deferred } from '../../pipeline/retry.ts';
import { uniqueName } from './stack.ts';

/** The values of every record that is in `topic` now, in order within each partition. */
export async function readTopic(
  config: Config['kafka'],
  topic: string,
): Promise<(Buffer | null)[]> {
  const byPartition = await readPartitions(config, topic);
  return [...byPartition.values()].flat();
}

/** As `readTopic`, by partition number. */
export async function readPartitions(
  config: Config['kafka'],
  topic: string,
): Promise<Map<number, (Buffer | null)[]>> {
  const kafka = new Kafka({ brokers: [...config.brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic).finally(() => admin.disconnect());
  const values = new Map(ends.map(({ partition }) => [partition, [] as (Buffer | null)[]]));
  let left = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  if (left === 0) return values;
  const consumer = kafka.consumer({ groupId: uniqueName('reader'), maxWaitTimeInMs: 100 });
  const done = deferred<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) values.get(batch.partition)?.push(value);
      left -= batch.messages.length;
      if (left <= 0) done.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  return values;
}
