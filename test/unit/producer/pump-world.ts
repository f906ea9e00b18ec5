// A pump with a source of numbers, a sender that records and fails on demand, and nothing else unless a test says so.
import { silentLog } from '../../../pipeline/log.ts';
import type { OutgoingRecord } from '../../../pipeline/record.ts';
import type { Source } from '../../../pipeline/source.ts';
import type { Rotation } from '../../../producer/partition-rotation.ts';
import type { PumpDeps, PumpOptions, Sender } from '../../../producer/pump.ts';
import { RecentIds } from '../../../producer/recent-ids.ts';
import { ManualClock } from '../../support/manual-clock.ts';

export const OPTIONS: PumpOptions = {
  topic: 't',
  sendSize: 3,
  sendBytesMax: 1_000_000,
  lingerMs: 100,
  maxMessages: undefined,
  retryMs: 60_000,
};

const text = (records: readonly OutgoingRecord[]) => records.map((record) => String(record.value));

/** What every source has besides its records. */
export const PLAIN = { leftOut: 0, gaps: [], parseCursor: (saved: unknown) => saved as number };

/** Yields `count` records "0", "1", ...; the cursor is the number of records so far. */
export function numbers(count: number, onPull: (at: number) => void = () => {}): Source<number> {
  return {
    ...PLAIN,
    name: 'numbers',
    async *read(after, signal) {
      for (let at = after ?? 0; at < count && !signal.aborted; at += 1) {
        onPull(at);
        const record = { key: null, value: Buffer.from(String(at)) };
        yield { record, cursor: at + 1, id: String(at) };
      }
    },
  };
}

export class RecordingSender implements Sender {
  readonly sends: string[][] = [];
  before: (attempt: number, records: readonly OutgoingRecord[]) => Promise<void> = async () => {};
  #attempts = 0;

  async send(_topic: string, records: readonly OutgoingRecord[]) {
    this.#attempts += 1;
    await this.before(this.#attempts, records);
    this.sends.push(text(records));
    const counts = new Map<number, number>();
    for (const { partition = -1 } of records)
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    return counts;
  }
}

export const to = (next: () => number): Rotation => ({
  next,
  isDue: () => false,
  turn() {},
  state: () => undefined,
});

export const deps = (
  sender: Sender,
  clock = new ManualClock(),
  stop = new AbortController(),
  more: Partial<PumpDeps<number>> = {},
): PumpDeps<number> => ({
  sender,
  rotation: to(() => 0),
  recentIds: async () => new RecentIds(100),
  save: async () => {},
  onTurn() {},
  log: silentLog,
  clock,
  signal: stop.signal,
  ...more,
});
