// What identifies the last Kafka record of a batch: its offset, time stamp and a checksum. A topic that was deleted and
// created again has another record there.
import { createHash } from 'node:crypto';
import type { RecordFingerprint } from '../pipeline/ledger.ts';
import type { PipelineRecord } from '../pipeline/record.ts';

/** Absent and empty keys differ, and so do values; no part of the record can be read back. */
export function fingerprintOf({
  offset,
  timestamp,
  key,
  value,
}: PipelineRecord): RecordFingerprint {
  const hash = createHash('sha256');
  for (const part of [key, value]) {
    hash.update(part === null ? '-' : `${part.length}:`);
    if (part !== null) hash.update(part);
  }
  return { offset, timestamp, checksum: hash.digest('hex').slice(0, 16) };
}
