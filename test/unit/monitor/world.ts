// Batches and entries as a consumer tells them, for the tests of who watches it.
import type { Batch } from '../../../pipeline/batch.ts';
import type { BatchRecord } from '../../../pipeline/ledger.ts';

/** A batch of records of topic t, partition 0, from `start` on, with these Kafka timestamps. */
export function batchAt(start: bigint, timestamps: readonly number[]): Batch {
  const records = timestamps.map((timestamp, at) => ({
    ...{ offset: start + BigInt(at), timestamp },
    ...{ key: null, value: Buffer.from('{}'), headers: undefined },
  }));
  const end = start + BigInt(records.length);
  return { range: { topic: 't', partition: 0, start, end }, records };
}

/** Its entry: rows by location, and dead letters. */
export function entryOf(
  { range }: Batch,
  locations: Readonly<Record<string, number>>,
  deadLetters = 0,
): BatchRecord {
  const files = Object.entries(locations).map(([tablePartition, rows]) => ({
    ...{ staged: 's', final: 'f', tablePartition, rows, bytes: rows * 100 },
  }));
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  return {
    ...{ ...range, kind: 'batch', attempt: 'a', files, rows, deadLetters, skipped: 0 },
    ...{ last: undefined, at: 0 },
  } as const;
}
