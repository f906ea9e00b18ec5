// Writes a batch as lines for DuckDB, one file per table partition, and sets aside the records that cannot become rows.
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Batch } from '../../pipeline/batch.ts';
import { BYTE_ORDER_MARK, type Decoded, Fault } from '../../pipeline/codec.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import type { Reject } from '../../pipeline/sink.ts';
import { DAY_UNKNOWN } from '../../pipeline/table.ts';
import type { RowValue } from './column-text.ts';
import { exactField, LineFile } from './line-file.ts';
import type { RawLayout } from './raw-layout.ts';
import { NO_TIMESTAMP, type RowReader } from './row-reader.ts';
import { filesRejected, type Workspace } from './workspace.ts';

/** Records after which other events get their turn: some milliseconds of work. */
const RECORDS_PER_TURN = 2048;

export class BatchLines {
  readonly #reader: RowReader;
  readonly #layout: RawLayout | undefined;
  readonly #workspace: Workspace;
  /** By table partition. */
  readonly files = new Map<string, LineFile>();
  readonly rejects: Reject[] = [];
  skipped = 0;

  /** `layout` undefined: every record goes the exact way. */
  constructor(reader: RowReader, layout: RawLayout | undefined, workspace: Workspace) {
    this.#reader = reader;
    this.#layout = layout;
    this.#workspace = workspace;
  }

  get paths(): string[] {
    return [...this.files.values()].map((file) => file.path);
  }

  /** Throws FILES_REJECTED, and `signal.reason` when aborted. */
  async write(batch: Batch, signal: AbortSignal): Promise<void> {
    let turn = 0;
    for (const record of batch.records) {
      const file = this.#add(record);
      if (file?.isFull) await flush(file);
      turn += 1;
      if (turn % RECORDS_PER_TURN === 0) {
        await yieldToEvents();
        signal.throwIfAborted();
      }
    }
    for (const file of this.files.values()) await flush(file);
  }

  #add(record: PipelineRecord): LineFile | undefined {
    const found = this.#reader.look(record);
    if (found instanceof Fault) return this.#reject(record, found);
    if (found === 'skip') {
      this.skipped += 1;
      return undefined;
    }
    const { decoded, kafkaDay } = found;
    if (decoded && this.#layout?.fits(decoded.json, decoded.text))
      return this.#addRaw(record, decoded, kafkaDay, this.#layout);
    const values = this.#reader.values(decoded);
    return values instanceof Fault
      ? this.#reject(record, values)
      : this.#addExact(record, values, kafkaDay);
  }

  #addRaw(record: PipelineRecord, decoded: Decoded, kafkaDay: string, layout: RawLayout): LineFile {
    const day =
      this.#reader.dayColumn === undefined ? kafkaDay : (layout.day(decoded.json) ?? DAY_UNKNOWN);
    const file = this.#file(day);
    const { text } = decoded;
    const value = record.value ?? Buffer.alloc(0);
    file.addRaw(
      `${head(record)},"v":`,
      text.charCodeAt(0) === BYTE_ORDER_MARK ? value.subarray(3) : value,
      text.includes('\n'),
      this.#wholes(decoded),
    );
    return file;
  }

  /** End of a raw line, with the text for the columns that take all of it. */
  #wholes(decoded: Decoded): string {
    const fields = this.#reader
      .wholes(decoded)
      .map((index) => `"${exactField(index)}":${JSON.stringify(decoded.text)}`);
    return fields.length === 0 ? '}\n' : `,"c":{${fields.join()}}}\n`;
  }

  #addExact(record: PipelineRecord, values: readonly RowValue[], kafkaDay: string): LineFile {
    const file = this.#file(this.#reader.dayOf(values, kafkaDay));
    const cells: Record<string, RowValue> = {};
    for (const [index, value] of values.entries()) cells[exactField(index)] = value;
    file.addExact(`${head(record)},"c":${JSON.stringify(cells)}}\n`);
    return file;
  }

  #file(day: string): LineFile {
    const known = this.files.get(day);
    if (known) return known;
    const file = new LineFile(this.#workspace.path('.lines'));
    this.files.set(day, file);
    return file;
  }

  #reject(record: PipelineRecord, fault: Fault): undefined {
    this.rejects.push({ record, code: fault.code, reason: fault.reason });
  }
}

function head(record: PipelineRecord): string {
  const time = record.timestamp === NO_TIMESTAMP ? 'null' : record.timestamp;
  return `{"o":${record.offset},"t":${time}`;
}

async function flush(file: LineFile): Promise<void> {
  try {
    await file.flush();
  } catch (error) {
    throw filesRejected(file.path, error);
  }
}
