// The sink that writes files: rows go as Parquet or JSON Lines beside an external Hive table and are renamed into it.
// Needs HiveServer2 for table and table partitions, and HDFS (or a directory shared with it) for the files.
import type { FileSystem } from '../../clients/files/file-system.ts';
import { openLocation } from '../../clients/files/location.ts';
import type { WebHdfsSettings } from '../../clients/files/webhdfs.ts';
import type { HiveClient } from '../../clients/hive/session.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import type { BatchRecord, Ledger } from '../../pipeline/ledger.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { Sink, Staged } from '../../pipeline/sink.ts';
import type { TableSpec } from '../../pipeline/table.ts';
import { FileLedger } from '../ledger.ts';
import { openHiveTable } from './hive-table.ts';
import { type FileEncoder, TableFiles } from './table-files.ts';
import { probeWriting, sweepProbes } from './write-probe.ts';

export interface HiveLoadParts {
  readonly spec: TableSpec;
  readonly hive: HiveClient;
  readonly encoder: FileEncoder;
  readonly hdfs: WebHdfsSettings;
  readonly clock: Clock;
}

interface Opened {
  readonly files: FileSystem;
  readonly root: string;
  readonly ledger: Ledger;
  readonly table: TableFiles;
}

/** The Hive client and the encoder belong to whoever made them; `close` leaves them open. */
export class HiveLoadSink implements Sink {
  readonly name = 'hive-load';
  readonly #parts: HiveLoadParts;
  #opened: Opened | undefined;

  constructor(parts: HiveLoadParts) {
    this.#parts = parts;
  }

  /** The ledger of the table. Only after `open`. */
  get ledger(): Ledger {
    return this.#ready.ledger;
  }

  get #ready(): Opened {
    invariant(this.#opened !== undefined, 'the sink hive-load is open');
    return this.#opened;
  }

  async open(signal: AbortSignal): Promise<void> {
    if (this.#opened) return;
    const { spec, hive, encoder, hdfs, clock } = this.#parts;
    const { location, hasDays, addDay } = await openHiveTable(hive, spec, signal);
    const { files, path: root } = openLocation(location, hdfs);
    try {
      // Of two creations that met, the metastore undid one and removed the directory both had made. Adding a table
      // partition lets HiveServer2 make it again; if it is not there then, another HDFS is looked at. A table that
      // has table partitions lost more than an empty directory: that is for a person to look at.
      if ((await files.status(root, signal)) === undefined && !(await hasDays(signal))) {
        await addDay(new Date(clock.now()).toISOString().slice(0, 10), signal);
      }
      await checkDirectory(files, root, location, signal);
      await probeWriting(files, root, clock.now(), signal);
    } catch (error) {
      files.close();
      throw error;
    }
    const ledger = new FileLedger(files, root, clock);
    const table = new TableFiles({
      ...{ files, root, ledger, encoder, format: spec.format, addDay, clock },
    });
    this.#opened = { files, root, ledger, table };
  }

  async stage(batch: Batch, signal: AbortSignal): Promise<Staged> {
    return this.#ready.table.stage(batch, signal);
  }

  async place(record: BatchRecord, signal: AbortSignal): Promise<void> {
    await this.#ready.table.place(record, signal);
  }

  async sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void> {
    const { table, files, root } = this.#ready;
    await table.sweep(of, position, signal);
    await sweepProbes(files, root, this.#parts.clock.now(), signal);
  }

  async close(): Promise<void> {
    this.#opened?.files.close();
    this.#opened = undefined;
  }
}

/**
 * Makes sure that the directory HiveServer2 names is the one reached from here. Only looks. Throws HDFS_REJECTED or
 * FILES_REJECTED, and what `files` throws.
 */
export async function checkDirectory(
  files: FileSystem,
  root: string,
  location: string,
  signal: AbortSignal,
): Promise<void> {
  if ((await files.status(root, signal))?.type === 'directory') return;
  const isLocal = location.startsWith('file:');
  throw new PipelineError(
    isLocal ? 'FILES_REJECTED' : 'HDFS_REJECTED',
    `HiveServer2 keeps the table in ${location}, but there is no such directory ${isLocal ? 'on this machine' : 'on the HDFS of hdfs.nameNodes'}`,
    {
      hint: isLocal
        ? 'Give table.location a directory that HiveServer2 and this machine share, or use the sink hive-insert.'
        : 'Let hdfs.nameNodes in config.json name the NameNodes of the HDFS that HiveServer2 uses.',
      context: { location },
    },
  );
}
