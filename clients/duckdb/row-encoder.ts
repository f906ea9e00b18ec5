// Turns a batch of Kafka records into typed rows: local files (Parquet, JSON Lines) or row values. Where the rows
// go afterwards is the business of the sinks.
import type { Batch } from '../../pipeline/batch.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { Reject } from '../../pipeline/sink.ts';
import type { TableSpec } from '../../pipeline/table.ts';

export interface EncoderSettings {
  readonly table: TableSpec;
  readonly valueFormat: 'json' | 'text';
  readonly tombstones: 'skip' | 'write' | 'dead-letter';
  /** Most memory DuckDB may take, in MB; default 128. */
  readonly memoryMb?: number;
  /** Threads of DuckDB beside the JavaScript thread; default 2. */
  readonly threads?: number;
  /** Parent of the temporary directory; default `os.tmpdir()`. */
  readonly directory?: string;
}

/** NULL, the canonical text of a scalar, or the elements of an array<string> (which may be NULL themselves). */
export type RowValue = string | null | readonly (string | null)[];

export interface EncodedFile {
  /** `yyyy-MM-dd`, or DAY_UNKNOWN. */
  readonly tablePartition: string;
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface EncodedFiles {
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

/** Every record of a batch ends as exactly one of: a row, a reject, skipped. Calls may run at the same time. */
export class RowEncoder {
  static open(settings: EncoderSettings): Promise<RowEncoder> {
    return Promise.resolve(new RowEncoder(settings));
  }

  private constructor(_settings: EncoderSettings) {}

  encodeFiles(_batch: Batch, _signal: AbortSignal): Promise<EncodedFiles> {
    return Promise.reject(new PipelineError('BUG', 'encodeFiles is not there yet'));
  }

  encodeRows(_batch: Batch, _signal: AbortSignal): Promise<EncodedRows> {
    return Promise.reject(new PipelineError('BUG', 'encodeRows is not there yet'));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
