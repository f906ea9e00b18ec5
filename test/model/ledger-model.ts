// A seeded random world for the delivery of batches: the real ledger, stage, commit, place and resume run over files in
// memory, while requests are lost, answered never, cut or carried out much later, and writers crash, freeze and return.
import type { EncodedFiles } from '../../clients/duckdb/row-encoder.ts';
import { resume } from '../../consumer/chain.ts';
import type { DeadLetters } from '../../consumer/dead-letters.ts';
import { deliver } from '../../consumer/deliver.ts';
import { FileLedger } from '../../consumer/ledger.ts';
import { rollUp } from '../../consumer/roll-up.ts';
import { TableFiles } from '../../consumer/sinks/table-files.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { Clock } from '../../pipeline/clock.ts';
import { isCode, PipelineError } from '../../pipeline/errors.ts';
import { type BatchRecord, recordsRead } from '../../pipeline/ledger.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { PlacedBatch, PositionStore } from '../../pipeline/position-store.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { isRetriable } from '../../pipeline/retry.ts';
import type { Sink } from '../../pipeline/sink.ts';
import { growingSink } from './growing-sink.ts';
import { MemoryFiles } from './memory-files.ts';
import { Network } from './network.ts';
import { type Planted, planting } from './planted.ts';

export type Layout = 'table' | 'growing';

const ROOT = '/warehouse/t';
const TOPIC = 't';
const OFFSETS = 25;
const STEPS = 1500;
const STEPS_TO_FINISH = 20_000;
const WRITERS_MAX = 4;
const ROLL_UP_ALL = { before: Number.POSITIVE_INFINITY, entriesMin: 1, entriesMax: 3 };

/** Everything of one run; `problems` is empty when every row is there once. */
export class World {
  readonly #planted: Planted;
  readonly #layout: Layout;
  readonly #memory: MemoryFiles;
  readonly #network: Network;
  readonly #logs: readonly (readonly bigint[])[];
  readonly #history: PlacedBatch[][] = [[], []];
  readonly #failures: string[] = [];

  /** `layout`: files that are renamed into a table, or those of the hdfs-consumer, which grow. */
  constructor(seed: number, planted: Planted, layout: Layout = 'table') {
    this.#planted = planted;
    this.#layout = layout;
    this.#memory = new MemoryFiles({ overwrites: planted === 'blind-overwrite' });
    this.#network = new Network(seed, this.#memory);
    const offsets = Array.from({ length: OFFSETS }, (_, offset) => BigInt(offset));
    this.#logs = [0, 1].map(() => offsets.filter(() => this.#network.chance(0.85)));
  }

  /** Runs the schedule, lets one healthy writer finish, and returns what is wrong then. */
  async run(): Promise<string[]> {
    const network = this.#network;
    for (let step = 0; step < STEPS; step += 1) {
      const { writerCount } = network;
      if (writerCount < 2 || (writerCount < WRITERS_MAX && network.chance(0.02))) {
        this.#write(network.enlist(), false).catch(this.#failed);
      }
      await network.advance();
    }
    network.killAll();
    network.isFaulty = false;
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    this.#write(network.enlist(), true).then(done, this.#failed);
    for (let step = 0; !isDone && step < STEPS_TO_FINISH; step += 1) await network.advance();
    if (!isDone) this.#failures.push('the healthy writer did not finish');
    network.carryOutLate();
    return [...this.#failures, ...this.#problems()];
  }

  readonly #failed = (error: unknown): void => {
    this.#failures.push(
      error instanceof PipelineError ? `${error.code} ${error.message}` : `${error}`,
    );
  };

  #sink(writer: number, clock: Clock): Sink {
    const files = this.#network.files(writer);
    const ledger = planting(this.#planted, new FileLedger(files, ROOT, clock));
    const table =
      this.#layout === 'growing'
        ? growingSink({ files, root: ROOT, clock, encode: encodeFiles })
        : new TableFiles({
            ...{ files, root: ROOT, ledger, clock, format: 'json', encoder: { encodeFiles } },
            addDay: async () => {},
          });
    return {
      ...{ name: 'model', ledger, open: async () => {}, close: async () => {} },
      sweep: (of, position, signal) => table.sweep(of, position, signal),
      stage: async (batch, signal) => {
        if (this.#planted === 'early-sweep') await files.remove(`${ROOT}/_staging`, signal);
        return table.stage(batch, signal);
      },
      place: async (record, signal) => {
        const placed = table.place(record, signal);
        if (this.#planted !== 'early-advance') return placed;
        return placed.catch((error) => {
          if (!isRetriable(error)) throw error;
        });
      },
    };
  }

  #positions(): PositionStore {
    return {
      ...{ name: 'model', open: async () => {}, close: async () => {} },
      // Now and then a store that was lost, or restored from a backup.
      last: async ({ partition }) => {
        const known = this.#history[partition] ?? [];
        if (this.#network.chance(0.1)) return undefined;
        return this.#network.chance(0.3) ? this.#network.pick(known) : known.at(-1);
      },
      advance: async ({ topic, partition, start, end, attempt }) => {
        const known = this.#history[partition] ?? [];
        const grows = (known.at(-1)?.end ?? -1n) < end;
        if (grows) known.push({ topic, partition, start, end, attempt });
      },
    };
  }

  /** A writer's life: resume, deliver batch after batch, lose partitions and get them back. */
  async #write(writer: number, untilDone: boolean): Promise<void> {
    const { signal } = new AbortController();
    let now = 0;
    const clock: Clock = {
      now: () => now,
      monotonic: () => now,
      sleep: () =>
        this.#network
          .send(writer, () => {
            now += 1;
          })
          .catch(() => {}),
    };
    const sink = this.#sink(writer, clock);
    const by = {
      ...{ sink, clock, positions: this.#positions(), log: silentLog },
      deadLetters: { send: async () => {} } as unknown as DeadLetters,
      retry: { delayMs: 0, delayMsMax: 0, deadlineMs: Number.MAX_SAFE_INTEGER },
    };
    const held = new Map<number, bigint>();
    const isDone = () => this.#logs.every((log, at) => (held.get(at) ?? -1n) > (log.at(-1) ?? -1n));
    while (!(untilDone && isDone())) {
      const of = { topic: TOPIC, partition: this.#network.pick([0, 1]) };
      const position = held.get(of.partition);
      try {
        if (position === undefined) {
          const resumed = await resume(
            sink.ledger,
            of,
            {
              hints: [(await by.positions.last(of)) ?? []].flat(),
              wishedOrigin: async () => this.#network.pick([0n, 0n, 3n]),
              place: (entry) => sink.place(entry, signal),
              log: silentLog,
            },
            signal,
          );
          held.set(of.partition, resumed.position);
        } else if (!untilDone && this.#network.chance(0.1)) {
          held.delete(of.partition);
        } else if (!untilDone && this.#network.chance(0.15)) {
          await sink.sweep(of, position, signal);
          await rollUp(sink.ledger, of, ROLL_UP_ALL, 0, signal);
        } else {
          const batch = this.#readBatch(of.partition, position);
          if (batch) held.set(of.partition, (await deliver(batch, by, signal)).end);
          else await clock.sleep(0);
        }
      } catch (error) {
        // It slept too long, and ends; another one is started.
        if (isCode(error, 'POSITION_ROLLED_UP')) return this.#network.dismiss(writer);
        if (!isRetriable(error)) throw error;
        held.delete(of.partition);
      }
    }
  }

  /** Up to four records from `position` on; the range may end behind the last one, where offsets hold none. */
  #readBatch(partition: number, position: bigint): Batch | undefined {
    const log = this.#logs[partition] ?? [];
    const rest = log.filter((offset) => offset >= position);
    const taken = rest.slice(0, 1 + Math.floor(this.#network.random() * 4));
    const last = taken.at(-1);
    if (last === undefined) return undefined;
    const next = rest[taken.length];
    const end = next !== undefined && this.#network.chance(0.5) ? next : last + 1n;
    const range = { topic: TOPIC, partition, start: position, end };
    return { range, records: taken.map((offset) => aRecord(partition, offset)) };
  }

  #problems(): string[] {
    return this.#logs.flatMap((log, partition) => {
      const origin = this.#parse(`_ledger/${TOPIC}/${partition}/origin.json`)?.['origin'];
      if (typeof origin !== 'string') return [`partition ${partition} has no origin`];
      const wanted = log.filter((offset) => offset >= BigInt(origin));
      const rows = wanted.filter((offset) => fateOf(offset) === 'row');
      const found = this.#rowsPlaced(partition);
      const problems: string[] = [];
      if (found.join() !== rows.join()) {
        problems.push(`partition ${partition}: rows ${rows.join()} wanted, ${found.join()} found`);
      }
      let [position, records, rollUps] = [BigInt(origin), 0, 0];
      for (;;) {
        const rolled = this.#parse(`_ledger/${TOPIC}/${partition}/roll-up-${rollUps + 1}.json`);
        if (!rolled) break;
        position = BigInt(String(rolled['end']));
        records = recordsRead(rolled as unknown as BatchRecord);
        rollUps += 1;
      }
      for (;;) {
        const entry = this.#parse(`_ledger/${TOPIC}/${partition}/${position}.json`);
        if (!entry) break;
        records += recordsRead(entry as unknown as BatchRecord);
        position = BigInt(String(entry['end']));
      }
      if (records !== wanted.length || position <= (wanted.at(-1) ?? -1n)) {
        problems.push(
          `partition ${partition}: the ledger accounts for ${records} of ${wanted.length}`,
        );
      }
      return problems;
    });
  }

  #parse(path: string): Record<string, unknown> | undefined {
    const content = this.#memory.contents.get(`${ROOT}/${path}`);
    return content && JSON.parse(content.toString());
  }

  #rowsPlaced(partition: number): bigint[] {
    const rows: bigint[] = [];
    for (const [path, content] of this.#memory.contents) {
      if (!path.startsWith(`${ROOT}/dt=`) || path.includes('/_part+')) continue;
      for (const line of content.toString().trimEnd().split('\n')) {
        const file = JSON.parse(line) as { partition: number; offsets: string[] };
        if (file.partition === partition) rows.push(...file.offsets.map(BigInt));
      }
    }
    return rows.sort((a, b) => (a < b ? -1 : 1));
  }
}

function fateOf(offset: bigint): 'row' | 'reject' | 'skipped' {
  if (offset % 5n === 4n) return 'reject';
  return offset % 7n === 6n ? 'skipped' : 'row';
}

function aRecord(partition: number, offset: bigint): PipelineRecord {
  const key = Buffer.from(`${partition}`);
  return { offset, timestamp: Number(offset), key, value: null, headers: undefined };
}

/** Stands in for the row encoder: the "local path" of a file is its content, one file per day. */
async function encodeFiles({ range, records }: Batch): Promise<EncodedFiles> {
  const of = (fate: string) => [...records].filter(({ offset }) => fateOf(offset) === fate);
  const files = ['2026-11-20', '2026-11-21', 'unknown'].flatMap((tablePartition, day) => {
    const offsets = of('row').flatMap(({ offset }) =>
      Number(offset % 3n) === day ? [`${offset}`] : [],
    );
    if (offsets.length === 0) return [];
    const path = JSON.stringify({ partition: range.partition, offsets });
    return [{ tablePartition, path, rows: offsets.length, bytes: path.length }];
  });
  const rejects = of('reject').map((record) => ({
    record,
    code: 'CODEC_NOT_JSON',
    reason: 'made so',
  }));
  return { files, rejects, skipped: of('skipped').length, dispose: async () => {} };
}
