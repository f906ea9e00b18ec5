// The positions command: shows how far each topic partition is, exports it, moves it forward, rebuilds the file.
import { HiveClient } from '../../clients/hive/session.ts';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import type { Settings } from '../../params/schema.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import type { BatchRecord, Ledger } from '../../pipeline/ledger.ts';
import { type CommandDeps, Lifecycle } from '../../pipeline/lifecycle.ts';
import type { PlacedBatch } from '../../pipeline/position-store.ts';
import { formatTopicPartition } from '../../pipeline/range.ts';
import { chainEnd } from '../chain.ts';
import { openLedger, openSink } from '../sinks/index.ts';
import { FilePositionStore, readPositionFile } from './file.ts';
import { GroupPositions } from './group.ts';
import { type PartitionOffset, setPositions } from './move.ts';
import { exportJson, type PositionsParts, showLines, survey } from './survey.ts';

export type PositionsAction =
  | { readonly kind: 'show' | 'export' | 'rebuild' }
  | { readonly kind: 'set'; readonly to: readonly PartitionOffset[]; readonly force: boolean };

export interface PositionsOptions {
  /** Of the live consumer's table and group instead of consumer-from-position's. */
  readonly live?: boolean;
}

/** Runs one action. Throws USAGE, POSITION_*, and what Kafka, HiveServer2 and the ledger throw. */
export async function runPositions(
  settings: Settings,
  deps: CommandDeps,
  action: PositionsAction,
  { live = false }: PositionsOptions = {},
): Promise<void> {
  const { params, config } = settings;
  const { log, clock, signal, out } = deps;
  const { topic, limits } = params;
  const table = live ? params.table.liveName : params.table.name;
  const destination = `${params.table.database}.${table}`;
  const usesFile = !live && params.positions.store === 'file';
  const { file } = params.positions;
  if (action.kind === 'rebuild' && !usesFile) throw nothingToRebuild();
  const opened = new Lifecycle();
  try {
    const admin = await KafkaAdmin.open(config.kafka, log, signal, limits.startMs);
    opened.add('admin', admin);
    const bounds = await admin.offsets(topic, signal);
    const group = live ? params.consumer.liveGroup : params.consumer.group;
    const store = new GroupPositions({ group, admin, commit: readOnly });
    const saved = usesFile
      ? savedInFile(file, destination, topic)
      : (partition: number) => store.last({ topic, partition });
    if (action.kind === 'set') {
      const sink = await openSink(settings, table, { log, clock, opened }, signal);
      const place = (entry: BatchRecord) => sink.place(entry, signal);
      const parts = { topic, ledger: sink.ledger, saved, bounds, place, clock };
      for (const line of await setPositions(parts, action.to, action.force, signal)) out(line);
      return;
    }
    // The others only look at the table.
    const hive = opened.add('hive', await HiveClient.open(config.hive, { log, clock }, signal));
    const ledger = await openLedger(settings, table, { hive, clock, opened }, signal);
    const parts = { topic, ledger, saved, bounds };
    if (action.kind === 'rebuild') {
      const files = new FilePositionStore({ file, destination, log, clock });
      for (const line of await rebuild(ledger, files, signal)) out(line);
    } else {
      const standings = await survey(parts, signal);
      if (action.kind === 'export') out(exportJson(topic, destination, standings));
      else for (const line of showLines(standings)) out(line);
    }
  } finally {
    await opened.close();
  }
}

/** Writes the file anew from the ledger, for all topics of the table. Throws POSITION_LOCKED while a consumer runs. */
export async function rebuild(
  ledger: Ledger,
  store: FilePositionStore,
  signal: AbortSignal,
): Promise<string[]> {
  await store.open(signal);
  try {
    const ranges: PlacedBatch[] = [];
    for (const of of await ledger.partitions(signal)) {
      const end = await chainEnd(ledger, of, [], signal);
      // Without its attempt: only the ledger was asked, which does not tell that the last batch was placed, too.
      if (end?.last) ranges.push({ ...end.last, attempt: '' });
    }
    await store.replace(ranges);
    return ranges.map((range) => `${formatTopicPartition(range)} is at ${range.end}`);
  } finally {
    await store.close();
  }
}

/** Read when first asked for: rebuilding does not need it, and is what cures a file that cannot be read. */
function savedInFile(file: string, destination: string, topic: string): PositionsParts['saved'] {
  let reading: ReturnType<typeof readPositionFile> | undefined;
  return async (partition) => {
    reading ??= readPositionFile(file);
    const found = (await reading).find(
      (one) =>
        one.destination === destination &&
        one.range.topic === topic &&
        one.range.partition === partition,
    );
    return found?.range;
  };
}

async function readOnly(): Promise<void> {
  throw new PipelineError('BUG', 'the positions command commits no group offset');
}

function nothingToRebuild(): PipelineError {
  return new PipelineError(
    'USAGE',
    'there is no position file to rebuild: positions are kept in the consumer group',
    {
      hint: 'The next start of the consumer takes the position from the ledger and commits it with its next batch.',
    },
  );
}
