// Looks whether the rows that HiveServer2 says it has staged are there, before anything is committed.
import { type PartitionSpec, quoteTable, type TableName } from '../../clients/hive/describe.ts';
import { quoteName, quoteString } from '../../clients/hive/quoting.ts';
import type { HiveClient } from '../../clients/hive/session.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { formatRange, type OffsetRange } from '../../pipeline/range.ts';

export interface StagedRows {
  readonly hive: HiveClient;
  readonly staging: TableName;
  /** The attempt's part of the staging table. */
  readonly spec: PartitionSpec;
  /** Rows that were inserted there. */
  readonly wanted: number;
}

/**
 * HiveServer2's local MapReduce was seen to end an INSERT well that wrote nothing, when two ended at the same moment. Once
 * that were committed, the rows would be lost. Reads their offsets back, because a plain SELECT needs no job. Throws
 * SINK_OUTCOME_UNKNOWN, to be staged anew; HIVE_*.
 */
export async function mustBeStaged(
  { hive, staging, spec, wanted }: StagedRows,
  range: OffsetRange,
  signal: AbortSignal,
): Promise<void> {
  if (wanted === 0) return;
  const conditions = Object.entries(spec)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${quoteName(name)} = ${quoteString(String(value))}`);
  const sql = `SELECT kafka_offset FROM ${quoteTable(staging)} WHERE ${conditions.join(' AND ')}`;
  const found = (await hive.query(sql, signal)).length;
  if (found === wanted) return;
  throw new PipelineError(
    'SINK_OUTCOME_UNKNOWN',
    `${formatRange(range)}: HiveServer2 has staged ${found} of ${wanted} rows and called it done`,
    {
      hint: 'They are staged again. If it happens often, give HiveServer2 more memory or another execution engine.',
      context: { topic: range.topic, partition: range.partition, start: range.start },
    },
  );
}
