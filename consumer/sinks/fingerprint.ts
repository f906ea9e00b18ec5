// Names the last record of a batch, so that a topic deleted and created again is noticed.
import { createHash } from 'node:crypto';
import type { RecordFingerprint } from '../../pipeline/ledger.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';

const NOTHING = Buffer.alloc(0);

/** Undefined for a batch without records. */
export function fingerprint(record: PipelineRecord | undefined): RecordFingerprint | undefined {
  if (record === undefined) return undefined;
  const hash = createHash('sha256')
    .update(record.key ?? NOTHING)
    .update(record.value ?? NOTHING);
  const checksum = hash.digest('hex').slice(0, 16);
  return { offset: record.offset, timestamp: record.timestamp, checksum };
}
