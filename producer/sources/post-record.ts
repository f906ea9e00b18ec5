// A post as a record for Kafka, keyed by its id.
import { KAFKA_RECORD_BYTES_MAX } from '../../clients/kafka/producer.ts';
import type { Log } from '../../pipeline/log.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { encodePost, type Post } from '../post.ts';

export interface PostRecord {
  readonly record: OutgoingRecord;
  readonly id: string;
}

/** Size of the record's own fields, roughly. */
const HEAD_BYTES = 300;

/** Undefined, with a warning: the post is larger than a record may be. */
export function postRecord(post: Post & { readonly id: string }, log: Log): PostRecord | undefined {
  const record = { key: Buffer.from(post.id), value: encodePost(post) };
  const bytes = record.key.length + record.value.length + HEAD_BYTES;
  if (bytes <= KAFKA_RECORD_BYTES_MAX) return { record, id: post.id };
  log.warn(`a post of ${bytes} bytes is left out: Kafka takes ${KAFKA_RECORD_BYTES_MAX}`, {
    id: post.id,
  });
  return undefined;
}
