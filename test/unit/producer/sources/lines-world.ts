// Files in a directory of their own, and sources of lines that read them.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../../../pipeline/clock.ts';
import { Stopping } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import type { SourceRecord } from '../../../../pipeline/source.ts';
import {
  type LinesCursor,
  type LinesOptions,
  LinesSource,
} from '../../../../producer/sources/lines.ts';

export class Files {
  readonly directory = mkdtempSync(join(tmpdir(), 'kafka-hive-lines-'));

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Writes a file whole; names that end in .gz are packed, each text as a member of its own. */
  write(name: string, ...texts: string[]): string {
    const bytes = texts.map((text) => (name.endsWith('.gz') ? gzipSync(text) : Buffer.from(text)));
    writeFileSync(this.path(name), Buffer.concat(bytes));
    return this.path(name);
  }

  append(name: string, text: string): void {
    appendFileSync(this.path(name), text);
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function source(inputs: readonly string[], options: Partial<LinesOptions> = {}) {
  const plain = { raw: true, csv: false, follow: false, hashtags: [], languages: [] };
  return new LinesSource({ inputs, ...plain, log: silentLog, clock: systemClock, ...options });
}

/** One source that is read step by step. */
export class Reading {
  readonly #stop = new AbortController();
  readonly #records: AsyncGenerator<SourceRecord<LinesCursor>, void, void>;
  /** Behind the last record that was taken. */
  cursor: LinesCursor | undefined;

  constructor(from: LinesSource, after?: LinesCursor) {
    this.#records = from.read(after, this.#stop.signal);
  }

  /** The next `count` values; fewer when the source ends before. */
  async take(count: number): Promise<string[]> {
    const values: string[] = [];
    while (values.length < count) {
      const { done, value } = await this.#records.next();
      if (done) break;
      this.cursor = value.cursor;
      if (value.record) values.push(String(value.record.value));
    }
    return values;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Stopping('test'));
    await this.#records.return();
  }
}

/** All values from `after` on, and the cursor at the end. */
export async function readAll(
  from: LinesSource,
  after?: LinesCursor,
): Promise<[values: string[], cursor: LinesCursor | undefined]> {
  const reading = new Reading(from, after);
  return [await reading.take(Number.POSITIVE_INFINITY), reading.cursor ?? after];
}
