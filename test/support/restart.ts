// A table with a long ledger, made without the batches, and a consumer that starts on it: how long until its first batch is
// placed, and what it asked HDFS for until then.
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { HiveClient } from '../../clients/hive/session.ts';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { entryPath, FileLedger } from '../../consumer/ledger.ts';
import { formatEntry } from '../../consumer/ledger-entry.ts';
import { FilePositionStore } from '../../consumer/positions/file.ts';
import { openSink } from '../../consumer/sinks/index.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { Stopping } from '../../pipeline/errors.ts';
import type { BatchRecord } from '../../pipeline/ledger.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';

const { signal } = new AbortController();
/** Files written at the same time. */
const PARALLEL = 8;

/** Writes a chain from 0 on, of entries without rows and with the given lengths, into the ledger of a new table on HDFS. */
export async function writeLedger(
  settings: Settings,
  lengths: readonly number[],
): Promise<BatchRecord[]> {
  const { topic, table } = settings.params;
  const of = { topic, partition: 0 };
  const opened = new Lifecycle();
  const files = new WebHdfs(settings.config.hdfs);
  try {
    const deps = { log: silentLog, clock: systemClock, opened };
    await openSink(settings, table.name, deps, signal);
    const hive = opened.add('hive', await HiveClient.open(settings.config.hive, deps, signal));
    const root = await directoryOf(hive, settings);
    await new FileLedger(files, root).origin(of, 0n, signal);
    let end = 0;
    const entries = lengths.map((length): BatchRecord => {
      const start = BigInt(end);
      end += length;
      return {
        ...{ ...of, start, end: BigInt(end), kind: 'batch', attempt: `a${start}`, files: [] },
        ...{ rows: 0, deadLetters: 0, skipped: length, last: undefined, at: Date.now() },
      };
    });
    const left = [...entries];
    const write = async () => {
      for (let next = left.pop(); next; next = left.pop()) {
        await files.create(`${root}/${entryPath(of, next.start)}`, formatEntry(next), signal);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, write));
    return entries;
  } finally {
    files.close();
    await opened.close();
  }
}

/** The directory of the table on HDFS. */
export async function directoryOf(hive: HiveClient, { params }: Settings): Promise<string> {
  const { database, name } = params.table;
  const facts = await hive.query(`DESCRIBE FORMATTED \`${database}\`.\`${name}\``, signal);
  const location = facts.find((fact) => String(fact['col_name']).startsWith('Location'));
  return String(location?.['data_type'])
    .trim()
    .replace(/^hdfs:\/\/[^/]*/, '');
}

/** Writes the position file as it would stand after `placed`. */
export async function savePosition({ params }: Settings, placed: PlacedBatch): Promise<void> {
  const { file } = params.positions;
  const destination = `${params.table.database}.${params.table.name}`;
  const store = new FilePositionStore({ file, destination, log: silentLog, clock: systemClock });
  await store.open(signal);
  await store.advance(placed);
  await store.close();
}

export interface Restarted {
  /** Milliseconds from the end of the join to the first batch placed. */
  readonly ms: number;
  /** Requests to HDFS meanwhile, by WebHDFS operation. */
  readonly requests: Readonly<Record<string, number>>;
}

/** Starts consumer-from-position and stops it after its first batch. There must be records behind the position. */
export async function restart(settings: Settings): Promise<Restarted> {
  const hdfs = watchHdfs();
  const stop = new AbortController();
  let began: { at: number; requests: Readonly<Record<string, number>> } | undefined;
  let restarted: Restarted | undefined;
  const info = (message: string) => {
    const [at, requests] = [performance.now(), hdfs.requests()];
    if (message === 'partitions assigned') began ??= { at, requests };
    if (message !== 'batch placed' || !began || restarted) return;
    restarted = { ms: at - began.at, requests: difference(requests, began.requests) };
    stop.abort(new Stopping('the first batch is placed'));
  };
  try {
    const deps = { clock: systemClock, signal: stop.signal, out: () => {} };
    await runConsumerFromPosition(settings, { ...deps, log: { ...silentLog, info } });
  } finally {
    hdfs.stop();
  }
  if (!restarted) throw new Error('no batch was placed');
  return restarted;
}

/** Counts the requests of every WebHdfs that writes from now on. */
function watchHdfs(): { requests(): Record<string, number>; stop(): void } {
  const seen = new Set<WebHdfs>();
  const { create } = WebHdfs.prototype;
  WebHdfs.prototype.create = function (this: WebHdfs, ...given) {
    seen.add(this);
    return create.apply(this, given);
  };
  return {
    requests() {
      const sums: Record<string, number> = {};
      for (const { requests } of seen) {
        for (const [op, count] of Object.entries(requests)) sums[op] = (sums[op] ?? 0) + count;
      }
      return sums;
    },
    stop() {
      WebHdfs.prototype.create = create;
    },
  };
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown = Object.entries(after).map(
    ([op, count]) => [op, count - (before[op] ?? 0)] as const,
  );
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}
