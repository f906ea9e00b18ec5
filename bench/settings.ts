// Settings of a bench on the running stack, with names nobody else uses.
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { configSchema, paramsSchema, type Settings } from '../params/schema.ts';

export interface BenchOptions {
  readonly rounds: number;
  /** Overrides a case's number of records. */
  readonly records: number | undefined;
  /** Of the case `locations`: how many there are, records a batch, `local` or `HDFS`; undefined: the case's own. */
  readonly locations: readonly number[] | undefined;
  readonly batches: readonly number[] | undefined;
  readonly places: readonly string[] | undefined;
  /** A name nobody else uses. */
  readonly name: (stem: string) => string;
  /** One line of progress on standard error. */
  readonly say: (message: string) => void;
}

let serial = 0;

export function uniqueBenchName(stem: string): string {
  serial += 1;
  return `${stem}_${Date.now().toString(36)}_${serial}`;
}

/** Fresh group, table and position file each time; the stack's addresses come from the file in KH_TEST_STACK. */
export function benchSettings(params: z.input<typeof paramsSchema>): Settings {
  const { kafka, hdfs, hive } = JSON.parse(
    readFileSync(process.env['KH_TEST_STACK'] ?? '', 'utf8'),
  );
  const name = uniqueBenchName('bench');
  return {
    params: paramsSchema.parse({
      ...params,
      table: { name, liveName: `${name}_live` },
      consumer: { group: name, ...params.consumer },
      positions: { file: join(tmpdir(), `${name}.positions.json`) },
    }),
    config: configSchema.parse({ kafka, hive, hdfs: { nameNodes: hdfs.nameNodes } }),
  };
}
