// The name of a placed file says which offsets it holds: `<topic>+<partition>+<start>+<end>.<extension>`. Offsets have 19
// digits, so that names sort as offsets do.
import { createHash } from 'node:crypto';
import type { OffsetRange } from '../../pipeline/range.ts';
import type { TableSpec } from '../../pipeline/table.ts';

const EXTENSIONS: Readonly<Record<TableSpec['format'], string>> = {
  parquet: 'parquet',
  json: 'json',
  'json-gzip': 'json.gz',
};

/** HDFS and local disks take names of up to 255 bytes; the rest of the name takes up to 60. */
const TOPIC_LENGTH_MAX = 190;

export interface FileName extends OffsetRange {
  readonly extension: string;
}

/**
 * A topic as it stands in file names. Hive overlooks files whose names begin with `_` or `.`, so such topics get a `+` in
 * front; a topic over 190 characters is cut and marked by a checksum.
 */
function topicInFileName(topic: string): string {
  const shown = /^[_.]/.test(topic) ? `+${topic}` : topic;
  if (shown.length <= TOPIC_LENGTH_MAX) return shown;
  const checksum = createHash('sha256').update(topic).digest('hex').slice(0, 16);
  return `${shown.slice(0, TOPIC_LENGTH_MAX - 17)}~${checksum}`;
}

/** Hadoop picks the codec by the extension, so it follows from the format. */
export function extensionOf(format: TableSpec['format']): string {
  return EXTENSIONS[format];
}

export function formatFileName(range: OffsetRange, format: TableSpec['format']): string {
  const [start, end] = [range.start, range.end].map((at) => at.toString().padStart(19, '0'));
  const topic = topicInFileName(range.topic);
  return `${topic}+${range.partition}+${start}+${end}.${extensionOf(format)}`;
}

/** What a name says; undefined when it is none of ours. A topic that was cut comes back as it was cut. */
export function parseFileName(name: string): FileName | undefined {
  const match = /^\+?([A-Za-z0-9._~-]+)\+(\d+)\+(\d{19})\+(\d{19})\.(parquet|json|json\.gz)$/.exec(
    name,
  );
  if (!match) return undefined;
  const [, topic = '', partition = '', start = '', end = '', extension = ''] = match;
  return {
    ...{ topic, partition: Number(partition) },
    ...{ start: BigInt(start), end: BigInt(end), extension },
  };
}
