// Cuts what is to be sent into chunks of one topic partition each, none larger than a broker takes in one request.
import type { Message } from 'kafkajs';
import { PipelineError } from '../../pipeline/errors.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';

export type Chunk = readonly Message[];

/** Chunks of each topic partition, in order. */
export type Lanes = ReadonlyMap<number, Chunk[]>;

export interface SendPlan {
  readonly lanes: Lanes;
  /** Records per topic partition. */
  readonly counts: ReadonlyMap<number, number>;
}

/** kafkajs puts a send to one partition into one record batch; brokers refuse more than 1 MB by default. */
const REQUEST_BYTES_MAX = 900_000;

/**
 * `toPartition` is asked once for each record that names no partition: kafkajs would ask its partitioner again at each of
 * its own attempts. Throws KAFKA_REJECTED for a record above `recordBytesMax`.
 */
export function planSend(
  topic: string,
  records: readonly OutgoingRecord[],
  toPartition: (message: Message) => number,
  recordBytesMax: number,
): SendPlan {
  const lanes = new Map<number, Chunk[]>();
  const counts = new Map<number, number>();
  const open = new Map<number, { messages: Message[]; bytes: number }>();
  for (const record of records) {
    const bytes = messageBytes(record);
    if (bytes > recordBytesMax) throw tooLarge(topic, bytes, recordBytesMax);
    const message = toMessage(record);
    const partition = record.partition ?? toPartition(message);
    let chunk = open.get(partition);
    if (!chunk || chunk.bytes + bytes > REQUEST_BYTES_MAX) {
      chunk = { messages: [], bytes: 0 };
      open.set(partition, chunk);
      const lane = lanes.get(partition);
      if (lane) lane.push(chunk.messages);
      else lanes.set(partition, [chunk.messages]);
    }
    chunk.messages.push({ ...message, partition });
    chunk.bytes += bytes;
    counts.set(partition, (counts.get(partition) ?? 0) + 1);
  }
  return { lanes, counts };
}

function toMessage(record: OutgoingRecord): Message {
  return {
    key: record.key,
    value: record.value,
    ...(record.headers ? { headers: { ...record.headers } } : {}),
    ...(record.timestamp === undefined ? {} : { timestamp: String(record.timestamp) }),
  };
}

/** Bytes on the wire, a little too many rather than too few. */
function messageBytes(record: OutgoingRecord): number {
  let bytes = 40 + (record.key?.length ?? 0) + (record.value?.length ?? 0);
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    for (const one of [value].flat()) {
      bytes += 10 + Buffer.byteLength(name) + Buffer.byteLength(one);
    }
  }
  return bytes;
}

function tooLarge(topic: string, bytes: number, most: number): PipelineError {
  return new PipelineError(
    'KAFKA_REJECTED',
    `cannot send to topic ${topic}: a record of ${bytes} bytes is above the limit of ${most}`,
    {
      hint: 'Leave the record out or make it smaller; Kafka refuses it as a whole.',
      context: { topic, bytes },
    },
  );
}
