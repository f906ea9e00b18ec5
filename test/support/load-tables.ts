// Tables and writers for the tests of hive-load: records, batches, and what HiveServer2 says is in a table.
import { RowEncoder } from '../../clients/duckdb/row-encoder.ts';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import { HiveLoadSink } from '../../consumer/sinks/hive-load.ts';
import { openHiveTable } from '../../consumer/sinks/hive-table.ts';
import { tableSpec } from '../../consumer/sinks/index.ts';
import type { Settings } from '../../params/schema.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { withRetry } from '../../pipeline/retry.ts';
import type { TableSpec } from '../../pipeline/table.ts';
import { testSettings } from './settings.ts';
import { uniqueName } from './stack.ts';
import { post } from './world.ts';

const { signal } = new AbortController();
const NOON = Date.UTC(2026, 10, 21, 12);
const DAY = 24 * 60 * 60 * 1000;

export interface Row {
  readonly offset: number;
  readonly day: string;
  readonly text: string;
}

/** The record at `offset`, of noon of 21 November 2026 or `day` days later; a broken one is no JSON. */
export function record(offset: number, { day = 0, isBroken = false } = {}): PipelineRecord {
  const { key, value } = post(offset);
  const bytes = isBroken ? Buffer.from('{"id":') : value;
  return {
    offset: BigInt(offset),
    timestamp: NOON + day * DAY,
    key,
    value: bytes,
    headers: undefined,
  };
}

/** Records from `from` to before `to`. */
export const records = (from: number, to: number) => offsets(from, to).map((at) => record(at));

/** `records` as a batch of partition 0 that starts at `start` and ends at `end`, or behind the last record. */
export function batchOf(
  topic: string,
  start: number,
  records: readonly PipelineRecord[],
  end?: number,
): Batch {
  const last = Number(records.at(-1)?.offset ?? start);
  const range = { topic, partition: 0, start: BigInt(start), end: BigInt(end ?? last + 1) };
  return { range, records };
}

export const offsets = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

/** Stages, commits and places, as `deliver` does, each step until it succeeds; returns what stands. */
export async function deliverTo(sink: HiveLoadSink, batch: Batch): Promise<BatchRecord> {
  const policy = { delayMs: 10, delayMsMax: 100, deadlineMs: 20_000 };
  // Another writer that was first removes what this one has staged, under its hands too.
  const step = <T>(run: () => Promise<T>) => withRetry(run, policy, systemClock, signal);
  const { record: staged } = await step(() => sink.stage(batch, signal));
  const standing = await step(() => sink.ledger.commit(staged, signal));
  await step(() => sink.place(standing, signal));
  return standing;
}

export class LoadTables {
  readonly files: WebHdfs;
  readonly #settings: Settings;
  readonly #hive: HiveClient;
  readonly #opened = new Lifecycle();

  private constructor(settings: Settings, hive: HiveClient) {
    this.#settings = settings;
    this.#hive = this.#opened.add('hive', hive);
    this.files = new WebHdfs(settings.config.hdfs);
  }

  static async open(): Promise<LoadTables> {
    const settings = testSettings();
    const deps = { log: silentLog, clock: systemClock };
    return new LoadTables(settings, await HiveClient.open(settings.config.hive, deps, signal));
  }

  /** A table of a name nobody uses; it is created when a writer opens it. */
  table(format: TableSpec['format'] = 'parquet'): TableSpec {
    return { ...tableSpec(this.#settings.params, uniqueName('load')), format };
  }

  /** A writer of its own on the table of `spec`, as another process would be. */
  async writer(spec: TableSpec, changes: { user?: string } = {}): Promise<HiveLoadSink> {
    const encoder = this.#opened.add(
      'row encoder',
      await RowEncoder.open({ table: spec, valueFormat: 'json', tombstones: 'skip' }),
    );
    const hdfs = { ...this.#settings.config.hdfs, ...changes };
    const parts = { spec, hive: this.#hive, encoder, hdfs, clock: systemClock };
    const sink = this.#opened.add('sink', new HiveLoadSink(parts));
    await sink.open(signal);
    return sink;
  }

  /** The directory of a table on HDFS, as HiveServer2 names it and as a path. */
  async directory(spec: TableSpec): Promise<{ location: string; path: string }> {
    const { location } = await openHiveTable(this.#hive, spec, signal);
    return { location, path: location.replace(/^hdfs:\/\/[^/]*/, '') };
  }

  /** What a reader sees, in order of offset. */
  async rows({ name }: TableSpec): Promise<Row[]> {
    const sql = `SELECT kafka_offset AS o, dt, text FROM \`default\`.\`${name}\``;
    const rows = await this.#hive.query(sql, signal);
    return rows
      .map((row) => ({
        ...{ offset: Number(row['o']), day: String(row['dt']), text: String(row['text']) },
      }))
      .sort((a, b) => a.offset - b.offset);
  }

  async offsets(spec: TableSpec): Promise<number[]> {
    return (await this.rows(spec)).map(({ offset }) => offset);
  }

  async close(): Promise<void> {
    this.files.close();
    await this.#opened.close();
  }
}
