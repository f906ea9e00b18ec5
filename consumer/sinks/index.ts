// The registry of sinks: which one a job asks for, opened and ready.
import { RowEncoder } from '../../clients/duckdb/row-encoder.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import type { Params, Settings } from '../../params/schema.ts';
import type { Clock } from '../../pipeline/clock.ts';
import type { Lifecycle } from '../../pipeline/lifecycle.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Sink } from '../../pipeline/sink.ts';
import type { TableSpec } from '../../pipeline/table.ts';
import { HiveInsertSink } from './hive-insert.ts';
import { HiveLoadSink } from './hive-load.ts';

export interface SinkDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** Gets everything that is opened for the sink, the sink last; its owner closes it. */
  readonly opened: Lifecycle;
}

/** The table `name` as params.json describes it. */
export function tableSpec(params: Params, name: string): TableSpec {
  const { database, columns, dayFrom, format, location } = params.table;
  return {
    database,
    name,
    columns: columns.map((column) => ({ ...column, path: column.path ?? column.name })),
    dayFrom,
    format,
    location,
  };
}

/**
 * Opens the sink of `consumer.sink` for table `name`: connects to HiveServer2, creates or checks the table. Throws
 * HIVE_*, HDFS_* or FILES_REJECTED; what was opened until then is in `deps.opened`.
 */
export async function openSink(
  { params, config }: Settings,
  name: string,
  { log, clock, opened }: SinkDeps,
  signal: AbortSignal,
): Promise<Sink> {
  const spec = tableSpec(params, name);
  const { valueFormat, tombstones } = params.consumer;
  const encoder = await RowEncoder.open({ table: spec, valueFormat, tombstones });
  opened.add('row encoder', encoder);
  const hive = opened.add(
    'HiveServer2',
    await HiveClient.open(config.hive, { log, clock }, signal),
  );
  const parts = { spec, hive, encoder, hdfs: config.hdfs, log, clock };
  const sink = opened.add(
    'sink',
    params.consumer.sink === 'hive-load' ? new HiveLoadSink(parts) : new HiveInsertSink(parts),
  );
  await sink.open(signal);
  return sink;
}
