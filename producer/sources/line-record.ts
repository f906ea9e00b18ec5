// A line of input as a record: a post, any other JSON, or plain text; undefined when it is not wanted.
import { KAFKA_RECORD_BYTES_MAX } from '../../clients/kafka/producer.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { ID_HEADER } from '../../pipeline/source.ts';
import { hashtagsIn } from '../hashtag.ts';
import { encodePost, postFromJson } from '../post.ts';
import { Wanted, type WantedOptions } from './wanted.ts';

/** Says what is wrong with the line; the caller knows which one it is. */
export type Refuse = (why: string) => Error;

const KEY_AND_HEAD_BYTES = 300;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class LineRecords {
  readonly #wanted: Wanted;
  readonly #wantsAll: boolean;

  constructor(options: WantedOptions) {
    this.#wanted = new Wanted(options);
    this.#wantsAll = options.hashtags.length + options.languages.length === 0;
  }

  /** The bytes as they are. */
  fromText(bytes: Buffer, refuse: Refuse): OutgoingRecord | undefined {
    if (!this.#wantsAll) {
      const tags = hashtagsIn(bytes.toString());
      if (!this.#wanted.carries(tags) || !this.#wanted.speaks([])) return undefined;
    }
    return fitting({ key: null, value: bytes }, refuse);
  }

  /** A post when it has a text; other JSON byte for byte, if everything is wanted. Throws for what is not JSON in UTF-8. */
  fromJson(bytes: Buffer, refuse: Refuse): OutgoingRecord | undefined {
    const [text, value] = parsed(bytes, refuse);
    return this.#fromValue(value, text, () => bytes, refuse);
  }

  /** As `fromJson` of the object that the row is. */
  fromRow(
    fields: Readonly<Record<string, string | null>>,
    refuse: Refuse,
  ): OutgoingRecord | undefined {
    return this.#fromValue(fields, '', () => Buffer.from(JSON.stringify(fields)), refuse);
  }

  #fromValue(
    value: unknown,
    text: string,
    bytes: () => Buffer,
    refuse: Refuse,
  ): OutgoingRecord | undefined {
    const post = postFromJson(value, text);
    if (!post) return this.#wantsAll ? fitting({ key: null, value: bytes() }, refuse) : undefined;
    if (!this.#wantsAll) {
      const tags = [...post.hashtags, ...hashtagsIn(post.text)];
      const languages = post.lang === null ? [] : [post.lang];
      if (!this.#wanted.carries(tags) || !this.#wanted.speaks(languages)) return undefined;
    }
    const key = post.id === null ? null : Buffer.from(post.id);
    return fitting({ key, value: encodePost(post) }, refuse);
  }
}

/** The record, and its id where it has one. */
export function withId(record: OutgoingRecord | undefined, id: string | undefined) {
  if (!record || id === undefined) return { record };
  return { record: { ...record, headers: { [ID_HEADER]: id } }, id };
}

function parsed(bytes: Buffer, refuse: Refuse): [string, unknown] {
  try {
    const text = utf8.decode(bytes);
    return [text, JSON.parse(text)];
  } catch (error) {
    throw refuse(error instanceof SyntaxError ? 'is not JSON' : 'is not UTF-8');
  }
}

function fitting(record: OutgoingRecord, refuse: Refuse): OutgoingRecord {
  const bytes = (record.value?.length ?? 0) + (record.key?.length ?? 0) + KEY_AND_HEAD_BYTES;
  if (bytes <= KAFKA_RECORD_BYTES_MAX) return record;
  throw refuse(`makes a record of ${bytes} bytes; Kafka takes ${KAFKA_RECORD_BYTES_MAX}`);
}
