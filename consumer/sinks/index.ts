// The registry of sinks: which one a job asks for, opened to write, or its ledger alone to look at.
import { RowEncoder } from '../../clients/duckdb/row-encoder.ts';
import { openLocation } from '../../clients/files/location.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import type { Params, Settings } from '../../params/schema.ts';
import type { Clock } from '../../pipeline/clock.ts';
import type { Ledger } from '../../pipeline/ledger.ts';
import type { Lifecycle } from '../../pipeline/lifecycle.ts';
import type { Log } from '../../pipeline/log.ts';
import type { Sink } from '../../pipeline/sink.ts';
import type { TableSpec } from '../../pipeline/table.ts';
import { FileLedger } from '../ledger.ts';
import { MetastoreLedger } from '../metastore-ledger.ts';
import { HiveInsertSink } from './hive-insert.ts';
import { checkDirectory, HiveLoadSink } from './hive-load.ts';
import { findHiveTable } from './hive-table.ts';

export interface SinkDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** Gets everything that is opened for the sink, the sink last; its owner closes it. */
  readonly opened: Lifecycle;
}

export interface LedgerDeps extends Pick<SinkDeps, 'clock' | 'opened'> {
  readonly hive: HiveClient;
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

/**
 * The ledger that the sink of `consumer.sink` keeps of table `name`, to be read: looks and changes nothing, neither in
 * Hive nor in files. Throws HIVE_REJECTED when there is no such table, HIVE_TABLE_MISMATCH when another sink or none
 * writes it, HDFS_* and FILES_REJECTED; what was opened is in `deps.opened`.
 */
export async function openLedger(
  { params, config }: Settings,
  name: string,
  { hive, clock, opened }: LedgerDeps,
  signal: AbortSignal,
): Promise<Ledger> {
  const table = { database: params.table.database, name };
  if (params.consumer.sink === 'hive-insert') {
    await findHiveTable(hive, table, 'metastore', signal);
    return MetastoreLedger.find(hive, table, clock, signal);
  }
  const location = await findHiveTable(hive, table, 'files', signal);
  const { files, path } = openLocation(location, config.hdfs);
  opened.add('files', { close: async () => files.close() });
  await checkDirectory(files, path, location, signal);
  return new FileLedger(files, path, clock);
}
