// The sink that reaches no files: everything goes through HiveServer2. Rows are INSERTed into an attempt's own table
// partition of `<table>_staging`, the entry is a table partition of `<table>_ledger`, and LOAD DATA moves the files.
// It needs the right to create these two tables beside the table, and LOAD DATA between directories of one file system.
import { randomUUID } from 'node:crypto';
import {
  type PartitionSpec,
  partitionClause,
  quoteTable,
  type TableName,
} from '../../clients/hive/describe.ts';
import { hasMetTrouble } from '../../clients/hive/errors.ts';
import { quoteName } from '../../clients/hive/quoting.ts';
import type { HiveClient } from '../../clients/hive/session.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { invariant, PipelineError } from '../../pipeline/errors.ts';
import type { BatchRecord, Ledger, StagedFile } from '../../pipeline/ledger.ts';
import { formatRange, type TopicPartition } from '../../pipeline/range.ts';
import type { Reject, Sink, Staged } from '../../pipeline/sink.ts';
import { type Column, DAY_COLUMN, KAFKA_COLUMNS, type TableSpec } from '../../pipeline/table.ts';
import { MetastoreLedger } from '../metastore-ledger.ts';
import { fingerprint } from './fingerprint.ts';
import {
  ensureTable,
  type HiveTable,
  locationOf,
  openHiveTable,
  tableColumns,
} from './hive-table.ts';
import { type RowValues, valueLists } from './insert-statement.ts';
import { LoadData } from './load-data.ts';
import { mustBeStaged } from './staged-rows.ts';
import { pathOf, type Start, stagedAt, stagedIn, startOf } from './staging-names.ts';

/** What `clients/duckdb/row-encoder.ts` offers to this sink. */
export interface ValueEncoder {
  encodeRows(
    batch: Batch,
    signal: AbortSignal,
  ): Promise<{
    readonly groups: readonly {
      readonly tablePartition: string;
      readonly rows: readonly RowValues[];
    }[];
    readonly skipped: number;
    readonly rejects: readonly Reject[];
  }>;
}

export interface HiveInsertParts {
  readonly spec: TableSpec;
  readonly hive: HiveClient;
  readonly encoder: ValueEncoder;
  readonly clock: Clock;
}

// The optimizer spends seconds on a thousand rows of literals and has nothing to gain. Without the sort by day rows keep
// their order in the files, and one file per day is open at a time instead.
const INSERTING = {
  settings: {
    'hive.cbo.enable': 'false',
    'hive.optimize.constant.propagation': 'false',
    'hive.optimize.sort.dynamic.partition.threshold': '-1',
  },
  carriesValues: true,
  once: true,
};
/** Days of one statement; Hive allows 100 unless told otherwise. */
const DAYS_AT_ONCE = 50;

const FILES_AT_ONCE = 4;
/** Trouble that sessions make each other is over after a moment; an attempt takes a second or more. */
const ATTEMPTS_MAX = 4;

interface Opened {
  readonly table: HiveTable;
  readonly stagingLocation: string;
}

/** The Hive client and the encoder belong to whoever made them; `close` leaves them open. */
export class HiveInsertSink implements Sink {
  readonly name = 'hive-insert';
  readonly ledger: Ledger;
  readonly #parts: HiveInsertParts;
  readonly #ledger: MetastoreLedger;
  readonly #staging: TableName;
  /** Named in every statement: a table that grew has its columns in another order, and perhaps more of them. */
  readonly #columns: readonly Omit<Column, 'path'>[];
  readonly #load: LoadData;
  #opened: Opened | undefined;

  constructor(parts: HiveInsertParts) {
    const { spec, hive, clock } = parts;
    this.#parts = parts;
    this.#staging = { database: spec.database, name: `${spec.name}_staging` };
    this.#ledger = new MetastoreLedger(
      hive,
      { database: spec.database, name: `${spec.name}_ledger` },
      clock,
    );
    this.ledger = this.#ledger;
    this.#load = new LoadData(hive, spec);
    this.#columns = [...KAFKA_COLUMNS, ...spec.columns, { name: DAY_COLUMN, type: 'string' }];
  }

  get #ready(): Opened {
    invariant(this.#opened !== undefined, 'the sink hive-insert is open');
    return this.#opened;
  }

  async open(signal: AbortSignal): Promise<void> {
    if (this.#opened) return;
    const { spec, hive } = this.#parts;
    const table = await openHiveTable(hive, spec, signal, 'metastore');
    await this.#ledger.open(`${table.location}/_metastore_ledger`, signal);
    const staging = await ensureTable(
      hive,
      {
        ...this.#staging,
        columns: tableColumns(spec),
        partitionColumns: [
          { name: 'staged_topic', type: 'string' },
          { name: 'staged_partition', type: 'int' },
          { name: 'staged_start', type: 'string' },
          { name: 'staged_attempt', type: 'string' },
          { name: DAY_COLUMN, type: 'string' },
        ],
        format: spec.format === 'parquet' ? 'parquet' : 'json',
        // Below the table's own directory: LOAD DATA is a rename only within one file system.
        location: `${table.location}/_insert_staging`,
        // Dropping a staging table partition removes what is left in it.
        properties: { 'external.table.purge': 'true' },
      },
      signal,
    );
    const stagingLocation = locationOf(staging);
    this.#opened = { table, stagingLocation };
    await this.#sweep(signal);
  }

  /** What meets trouble is begun anew: an INSERT may not be repeated, an attempt may. */
  async stage(batch: Batch, signal: AbortSignal): Promise<Staged> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await this.#stageAttempt(batch, signal);
      } catch (error) {
        if (!hasMetTrouble(error) || attempts === ATTEMPTS_MAX) throw error;
      }
    }
  }

  async #stageAttempt(batch: Batch, signal: AbortSignal): Promise<Staged> {
    const { encoder, hive, clock } = this.#parts;
    const { groups, skipped, rejects } = await encoder.encodeRows(batch, signal);
    const attempt = randomUUID();
    const clause = partitionClause(stagedIn({ ...batch.range, attempt }, undefined));
    const names = this.#columns.map(({ name }) => quoteName(name)).join(', ');
    const types = this.#columns.map(({ type }) => type);
    const into = `${quoteTable(this.#staging)} ${clause} (${names})`;
    for (let at = 0; at < groups.length; at += DAYS_AT_ONCE) {
      const rows = groups
        .slice(at, at + DAYS_AT_ONCE)
        .flatMap(({ rows, tablePartition }) =>
          rows.map((row): RowValues => [...row, tablePartition]),
        );
      for (const list of valueLists(rows, types)) {
        // With named columns and without the optimizer Hive takes no VALUES but those of a SELECT.
        const sql = `INSERT INTO ${into} SELECT * FROM (VALUES ${list}) AS q`;
        await hive.execute(sql, signal, INSERTING);
      }
    }
    const wanted = groups.reduce((sum, { rows }) => sum + rows.length, 0);
    const spec = stagedIn({ ...batch.range, attempt }, undefined);
    await mustBeStaged({ hive, staging: this.#staging, spec, wanted }, batch.range, signal);
    const files = groups.map(
      ({ tablePartition, rows }): StagedFile => ({
        staged: pathOf(stagedIn({ ...batch.range, attempt }, tablePartition)),
        final: `${DAY_COLUMN}=${tablePartition}`,
        tablePartition,
        rows: rows.length,
        bytes: 0,
      }),
    );
    const record: BatchRecord = {
      ...batch.range,
      kind: 'batch',
      attempt,
      files,
      rows: files.reduce((sum, { rows }) => sum + rows, 0),
      deadLetters: rejects.length,
      skipped,
      last: fingerprint(batch.records.at(-1)),
      at: clock.now(),
    };
    return { record, rejects };
  }

  async place(record: BatchRecord, signal: AbortSignal): Promise<void> {
    if (record.kind !== 'batch') return;
    const staged = await this.#stagedNames(stagedAt(record), signal);
    const names = record.files.map((file) => pathOf(stagedIn(record, file.tablePartition)));
    const gone = names.find((name) => !staged.includes(name));
    if (gone === undefined && names.length > 0) {
      await this.#placeFiles(record, signal);
      await this.#ledger.markPlaced(record, record.start, signal);
    } else if (gone && !(await this.#ledger.isPlaced(record, record.start, signal))) {
      // Staged table partitions are dropped after the entry is marked, never before.
      throw this.#lost(record, `${gone} of ${this.#staging.name} is gone`);
    }
    if (staged.length === 0) return;
    await this.#drop(record, signal);
  }

  /** The start is decided and placed: whatever any attempt staged for it has no further use. */
  async #drop(of: Start, signal: AbortSignal): Promise<void> {
    const clause = partitionClause(stagedAt(of));
    const sql = `ALTER TABLE ${quoteTable(this.#staging)} DROP IF EXISTS ${clause}`;
    await this.#parts.hive.execute(sql, signal);
  }

  async sweep(of: TopicPartition, position: bigint, signal: AbortSignal): Promise<void> {
    const at = { staged_topic: of.topic, staged_partition: of.partition };
    const names = await this.#stagedNames(at, signal);
    const starts = new Set(names.map((name) => startOf(name).start));
    for (const start of starts) {
      if (start < position) await this.#drop({ ...of, start }, signal);
    }
  }

  async close(): Promise<void> {
    this.#opened = undefined;
  }

  /** Places what was decided and not swept by an earlier process, and drops what came too late. */
  async #sweep(signal: AbortSignal): Promise<void> {
    const names = await this.#stagedNames({}, signal);
    const starts = new Map(names.map(startOf).map((of) => [pathOf(stagedAt(of)), of]));
    for (const of of starts.values()) {
      const decided = await this.#ledger.read(of, of.start, signal);
      // Asked after it: what stands in front of a roll-up may have been refused.
      const rolled = await this.#ledger.rolledUp(of, signal);
      if (rolled && of.start < rolled.end) await this.#drop(of, signal);
      // Undecided: somebody may be about to commit it.
      else if (decided) await this.place(decided, signal);
    }
  }

  /** Names of staging table partitions, `a=1/b=2`, as the metastore and the file system have them. */
  async #stagedNames(spec: PartitionSpec, signal: AbortSignal): Promise<string[]> {
    const clause = Object.keys(spec).length > 0 ? partitionClause(spec) : '';
    const sql = `SHOW PARTITIONS ${quoteTable(this.#staging)} ${clause}`;
    const rows = await this.#parts.hive.query(sql, signal);
    return rows.map((row) => String(Object.values(row)[0]));
  }

  async #placeFiles(record: BatchRecord, signal: AbortSignal): Promise<void> {
    for (let at = 0; at < record.files.length; at += FILES_AT_ONCE) {
      const files = record.files.slice(at, at + FILES_AT_ONCE);
      const placing = files.map((file) => this.#placeFile(record, file, signal));
      // All are waited for, so that nothing is under way any more when the caller repeats this.
      const outcomes = await Promise.allSettled(placing);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed) throw failed.reason;
    }
  }

  async #placeFile(record: BatchRecord, file: StagedFile, signal: AbortSignal): Promise<void> {
    const { table, stagingLocation } = this.#ready;
    await table.addDay(file.tablePartition, signal);
    const source = `${stagingLocation}/${pathOf(stagedIn(record, file.tablePartition))}`;
    if (await this.#load.move(file, source, signal)) return;
    // Most likely somebody placed it already, or is just doing so.
    if (await this.#ledger.isPlaced(record, record.start, signal)) return;
    const rows = await this.#load.countRows(record, file, signal);
    if (rows === file.rows) return;
    throw this.#lost(record, `${file.final} holds ${rows} of its ${file.rows} rows`);
  }

  #lost(record: BatchRecord, what: string): PipelineError {
    return new PipelineError(
      'POSITION_CORRUPT',
      `${formatRange(record)} is decided, but its rows are neither staged nor in the table: ${what}`,
      {
        hint: `Nobody but this program may change ${this.#staging.database}.${this.#staging.name} and the ledger beside it. Restore the files, or write these offsets to another table.`,
        context: { topic: record.topic, partition: record.partition, start: record.start },
      },
    );
  }
}
