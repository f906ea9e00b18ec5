// One Kafka message as every part of the program sees it. Nothing here knows a client library.

/** Header values of one key, in the order they were sent. */
export type RecordHeaders = Readonly<Record<string, readonly Buffer[]>>;

/**
 * One record of a topic partition. `value === null` is a tombstone; `key === null` a record without key.
 * `timestamp` is Kafka's record time in milliseconds since 1970 (UTC), whatever the topic's timestamp type.
 */
export interface PipelineRecord {
  readonly offset: bigint;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders | undefined;
}

/** A record to be sent. `partition` undefined lets the partitioner decide. */
export interface OutgoingRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Several values of one name are sent in their order. */
  readonly headers?: Readonly<Record<string, Buffer | string | Buffer[]>>;
  readonly partition?: number;
  /**
   * Milliseconds since 1970; undefined lets the client stamp it. A broker that starts has forgotten which of the records that
   * bear a time more than `producer.id.expiration.ms` ago (a day) it holds: sent again then, they are there twice.
   */
  readonly timestamp?: number;
}

/** What a record costs in memory beside its bytes, packed as it is while it is held. */
const RECORD_OVERHEAD_BYTES = 64;
const HEADER_OVERHEAD_BYTES = 8;

/** Bytes a record occupies in our buffers: key, value, headers, and a fixed share for what is known of them. */
export function recordBytes({ key, value, headers }: PipelineRecord): number {
  const bytes = (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD_BYTES;
  return headers ? bytes + headerBytes(headers) : bytes;
}

function headerBytes(headers: RecordHeaders): number {
  let bytes = 0;
  for (const [name, values] of Object.entries(headers)) {
    bytes += name.length + HEADER_OVERHEAD_BYTES;
    for (const value of values) bytes += value.length + HEADER_OVERHEAD_BYTES;
  }
  return bytes;
}
