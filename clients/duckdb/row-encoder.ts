// Turns a batch of Kafka records into typed rows: local files (Parquet, JSON Lines) or row values. Where the rows
// go afterwards is the business of the sinks.
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import type { Batch } from '../../pipeline/batch.ts';
import { Fault } from '../../pipeline/codec.ts';
import { invariant } from '../../pipeline/errors.ts';
import type { TopicPartition } from '../../pipeline/range.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import type { Reject } from '../../pipeline/sink.ts';
import { BatchLines } from './batch-lines.ts';
import type { RowValue } from './column-text.ts';
import { CopyStatement } from './copy-statement.ts';
import { Duck } from './duck.ts';
import type { LineFile } from './line-file.ts';
import { RawLayout } from './raw-layout.ts';
import { kafkaTimestamp, type ReaderSettings, RowReader } from './row-reader.ts';
import { filesRejected, removeFiles, Workspace } from './workspace.ts';

export type { RowValue } from './column-text.ts';

export interface EncoderSettings extends ReaderSettings {
  /** Memory DuckDB may take, in MB; default 128. More is taken only for records of many megabytes. */
  readonly memoryMb?: number;
  /** Threads of DuckDB beside the JavaScript thread; default 1, which is faster than JavaScript can feed. */
  readonly threads?: number;
  /** Parent of the temporary directory; default `os.tmpdir()`. */
  readonly directory?: string;
}

export interface EncodedFile {
  /** `yyyy-MM-dd`, or DAY_UNKNOWN. */
  readonly tablePartition: string;
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface EncodedFiles {
  /** One file per table partition, rows in the order of their offsets. */
  readonly files: readonly EncodedFile[];
  readonly skipped: number;
  readonly rejects: readonly Reject[];
  /** Removes the files. May be repeated. */
  dispose(): Promise<void>;
}

export interface RowGroup {
  /** `yyyy-MM-dd`, or DAY_UNKNOWN. */
  readonly tablePartition: string;
  /** Values in the order KAFKA_COLUMNS, then the columns of the table. */
  readonly rows: readonly (readonly RowValue[])[];
}

export interface EncodedRows {
  readonly groups: readonly RowGroup[];
  readonly skipped: number;
  readonly rejects: readonly Reject[];
}

const MEMORY_MB = 128;
const THREADS = 1;
const SUFFIX = { parquet: '.parquet', json: '.json', 'json-gzip': '.json.gz' };
const CHUNK_BYTES = 256 * 1024;
const RECORDS_PER_TURN = 1024;

/** Every record of a batch ends as exactly one of: a row, a reject, skipped. Calls may run at the same time. */
export class RowEncoder {
  readonly #settings: EncoderSettings;
  readonly #reader: RowReader;
  readonly #layout: RawLayout | undefined;
  readonly #copy: CopyStatement;
  readonly #workspace: Workspace;
  readonly #duck: Duck;

  /** Throws CONFIG_INVALID for columns that contradict each other, FILES_REJECTED for the temporary directory. */
  static async open(settings: EncoderSettings): Promise<RowEncoder> {
    const reader = new RowReader(settings);
    const workspace = await Workspace.open(settings.directory);
    const { memoryMb = MEMORY_MB, threads = THREADS } = settings;
    const duck = await Duck.open({ memoryMb, threads, directory: workspace.directory });
    return new RowEncoder(settings, reader, workspace, duck);
  }

  private constructor(
    settings: EncoderSettings,
    reader: RowReader,
    workspace: Workspace,
    duck: Duck,
  ) {
    this.#settings = settings;
    this.#reader = reader;
    this.#workspace = workspace;
    this.#duck = duck;
    this.#layout =
      settings.valueFormat === 'json' ? RawLayout.of(reader.columns, reader.dayColumn) : undefined;
    this.#copy = new CopyStatement(reader.columns, this.#layout?.tree, settings.table);
  }

  /** Throws FILES_REJECTED (disk full, rights), and `signal.reason` when aborted; then no file is left. */
  async encodeFiles(batch: Batch, signal: AbortSignal): Promise<EncodedFiles> {
    const fast = await this.#tryFiles(batch, this.#layout, signal);
    // DuckDB refuses a file for one value it dislikes (duplicate keys), without saying which record: all go the exact way.
    const encoded = fast ?? (await this.#tryFiles(batch, undefined, signal));
    invariant(encoded !== undefined, 'lines written by the exact way can be read');
    const rows = encoded.files.reduce((sum, file) => sum + file.rows, 0);
    checkCount(batch, rows, encoded);
    return encoded;
  }

  /** Throws `signal.reason` when aborted. Values are canonical text, see column-text.ts. */
  async encodeRows(batch: Batch, signal: AbortSignal): Promise<EncodedRows> {
    const groups = new Map<string, RowValue[][]>();
    const rejects: Reject[] = [];
    let skipped = 0;
    let turn = 0;
    for (const record of batch.records) {
      if (turn % RECORDS_PER_TURN === 0) {
        await yieldToEvents();
        signal.throwIfAborted();
      }
      turn += 1;
      const found = this.#row(record, batch.range);
      if (found === 'skip') skipped += 1;
      else if (found instanceof Fault)
        rejects.push({ record, code: found.code, reason: found.reason });
      else {
        const rows = groups.get(found.day);
        if (rows) rows.push(found.row);
        else groups.set(found.day, [found.row]);
      }
    }
    const encoded = {
      groups: [...groups].map(([tablePartition, rows]) => ({ tablePartition, rows })),
      skipped,
      rejects,
    };
    const rows = encoded.groups.reduce((sum, group) => sum + group.rows.length, 0);
    checkCount(batch, rows, encoded);
    return encoded;
  }

  /** Removes the temporary directory with all files in it. May be repeated. */
  async close(): Promise<void> {
    await this.#duck.close();
    await this.#workspace.close();
  }

  async #tryFiles(
    batch: Batch,
    layout: RawLayout | undefined,
    signal: AbortSignal,
  ): Promise<EncodedFiles | undefined> {
    const lines = new BatchLines(this.#reader, layout, this.#workspace);
    const files: EncodedFile[] = [];
    const dispose = () => removeFiles(files.map((file) => file.path));
    try {
      await lines.write(batch, signal);
      for (const [tablePartition, from] of lines.files) {
        const path = this.#workspace.path(SUFFIX[this.#settings.table.format]);
        files.push({ tablePartition, path, rows: from.rows, bytes: 0 });
        const bytes = await this.#write(batch.range, from, path, signal);
        if (bytes === undefined) {
          await dispose();
          return undefined;
        }
        files.splice(-1, 1, { tablePartition, path, rows: from.rows, bytes });
      }
      return { files, skipped: lines.skipped, rejects: lines.rejects, dispose };
    } catch (error) {
      await dispose();
      throw error;
    } finally {
      await removeFiles(lines.paths);
    }
  }

  /** Bytes written; undefined when DuckDB could not read a line. */
  async #write(
    of: TopicPartition,
    from: LineFile,
    path: string,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { lineBytesMax } = from;
    const isGzip = this.#settings.table.format === 'json-gzip';
    const to = isGzip ? this.#workspace.path('.plain') : path;
    try {
      const sql = this.#copy.sql(of, { from: from.path, to, lineBytesMax });
      const rows = await this.#duck.copy(sql, { path: to, lineBytesMax }, signal);
      if (rows === undefined) return undefined;
      invariant(rows === from.rows, `DuckDB wrote ${rows} of ${from.rows} rows`);
      if (isGzip) await compress(to, path, signal);
      return (await stat(path)).size;
    } finally {
      if (isGzip) await removeFiles([to]);
    }
  }

  #row(
    record: PipelineRecord,
    of: TopicPartition,
  ): { readonly day: string; readonly row: RowValue[] } | 'skip' | Fault {
    const found = this.#reader.look(record);
    if (found === 'skip' || found instanceof Fault) return found;
    const values = this.#reader.values(found.decoded);
    if (values instanceof Fault) return values;
    const kafka = [of.topic, `${of.partition}`, `${record.offset}`];
    return {
      day: this.#reader.dayOf(values, found.kafkaDay),
      row: [...kafka, kafkaTimestamp(record.timestamp), ...values],
    };
  }
}

// At level 1 gzip costs a third of the CPU of the usual level, for 17 % more bytes.
async function compress(from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    const source = createReadStream(from, { highWaterMark: CHUNK_BYTES });
    const gzip = createGzip({ level: 1, chunkSize: CHUNK_BYTES });
    await pipeline(source, gzip, createWriteStream(to), { signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw filesRejected(to, error);
  }
}

function checkCount(
  batch: Batch,
  rows: number,
  encoded: Pick<EncodedRows, 'skipped' | 'rejects'>,
): void {
  const accounted = rows + encoded.skipped + encoded.rejects.length;
  invariant(
    accounted === batch.records.length,
    `${accounted} of ${batch.records.length} records are accounted for`,
  );
}
