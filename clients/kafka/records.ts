// Messages of kafkajs as records. kafkajs cuts keys and values out of the answer to a fetch, so that each of them keeps the
// whole answer in memory, with what it brought of other topic partitions: who holds records packs them.
import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { PipelineRecord, RecordHeaders } from '../../pipeline/record.ts';

/** `message` as the rest of the program knows it. */
export function toRecord(message: KafkaMessage): PipelineRecord {
  const { offset, timestamp, key, value, headers } = message;
  return {
    offset: BigInt(offset),
    timestamp: Number(timestamp),
    key,
    value,
    headers: headers && toHeaders(headers),
  };
}

function toHeaders(headers: IHeaders): RecordHeaders | undefined {
  const names = Object.keys(headers);
  if (names.length === 0) return undefined;
  const buffers = (name: string) => [headers[name]].flat().map((one) => Buffer.from(one ?? ''));
  return Object.fromEntries(names.map((name) => [name, buffers(name)]));
}
