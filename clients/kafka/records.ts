// Messages of kafkajs as records. kafkajs cuts keys and values out of the answer to a fetch, so that each of them keeps the
// whole answer in memory, with what it brought of other topic partitions.
import type { KafkaMessage } from 'kafkajs';
import type { PipelineRecord, RecordHeaders } from '../../pipeline/record.ts';

/** How much more than their own bytes records may keep in memory before they are copied. */
const KEPT_FACTOR = 2;

/** In the order of `messages`. Where these are a small part of a fetch, they are copied out of it. */
export function toRecords(messages: readonly KafkaMessage[]): PipelineRecord[] {
  const own = detached(messages) ?? ((part: Buffer | null) => part);
  return messages.map((message) => ({
    offset: BigInt(message.offset),
    timestamp: Number(message.timestamp),
    key: own(message.key),
    value: own(message.value),
    headers: toHeaders(message.headers),
  }));
}

/** Copies one part after the other into one piece of memory for all; undefined where they keep little else alive. */
function detached(messages: readonly KafkaMessage[]) {
  const buffers = new Set<ArrayBufferLike>();
  let bytes = 0;
  for (const { key, value } of messages) {
    for (const part of [key, value]) {
      if (part === null) continue;
      bytes += part.length;
      buffers.add(part.buffer);
    }
  }
  let kept = 0;
  for (const { byteLength } of buffers) kept += byteLength;
  if (kept <= bytes * KEPT_FACTOR) return undefined;
  const all = Buffer.allocUnsafeSlow(bytes);
  let end = 0;
  return (part: Buffer | null) => {
    if (part === null) return null;
    const at = end;
    end += part.copy(all, at);
    return all.subarray(at, end);
  };
}

function toHeaders(headers: KafkaMessage['headers']): RecordHeaders | undefined {
  const entries = Object.entries(headers ?? {});
  if (entries.length === 0) return undefined;
  const buffers = (value: (typeof entries)[number][1]) =>
    (Array.isArray(value) ? value : [value]).map((one) => Buffer.from(one ?? ''));
  return Object.fromEntries(entries.map(([name, value]) => [name, buffers(value)]));
}
