// A position file in a directory of its own, for the tests of the file store.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FilePositionStore } from '../../../../consumer/positions/file.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { type ErrorCode, isCode } from '../../../../pipeline/errors.ts';
import { type Log, silentLog } from '../../../../pipeline/log.ts';
import type { PlacedBatch } from '../../../../pipeline/position-store.ts';

export const signal = new AbortController().signal;

export interface World {
  readonly file: string;
  readonly logged: string[];
  make(destination?: string): FilePositionStore;
}

export async function inWorld(run: (world: World) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'positions-'));
  const file = join(directory, 'state', 'positions.json');
  const logged: string[] = [];
  const log: Log = {
    ...silentLog,
    info: (message) => void logged.push(message),
    warn: (message) => void logged.push(message),
  };
  const make = (destination = 'default.posts') =>
    new FilePositionStore({ file, destination, log, clock: systemClock });
  try {
    await run({ file, logged, make });
  } finally {
    await rm(directory, { recursive: true });
  }
}

export function range(start: number, end: number, topic = 'posts', partition = 0): PlacedBatch {
  const attempt = `${start}-${end}`;
  return { topic, partition, start: BigInt(start), end: BigInt(end), attempt };
}

export async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

/** One save through the store, closed again. */
export async function save({ make }: World, ...ranges: PlacedBatch[]): Promise<void> {
  const store = make();
  await store.open(signal);
  for (const one of ranges) await store.advance(one);
  await store.close();
}

export function failsWith(code: ErrorCode, pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(isCode(error, code), String(error));
    assert.match(error.message, pattern);
    assert.ok(error.hint);
    return true;
  };
}
