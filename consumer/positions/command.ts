// The positions command: shows how far each topic partition is, exports it, moves it forward, rebuilds the file.
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import type { Settings } from '../../params/schema.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { type CommandDeps, Lifecycle } from '../../pipeline/lifecycle.ts';
import { formatTopicPartition, type OffsetRange } from '../../pipeline/range.ts';
import { walkChain } from '../chain.ts';
import { openSink } from '../sinks/index.ts';
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
  const opened = new Lifecycle();
  try {
    const admin = await KafkaAdmin.open(config.kafka, log, signal, limits.startMs);
    opened.add('admin', admin);
    const bounds = await admin.offsets(topic, signal);
    const sink = await openSink(settings, table, { log, clock, opened }, signal);
    const group = live ? params.consumer.liveGroup : params.consumer.group;
    const store = new GroupPositions({ group, topic, admin, commit: readOnly });
    const saved = usesFile
      ? savedInFile(file, destination, topic)
      : (partition: number) => store.last({ topic, partition });
    const parts = { topic, sink, saved, bounds, clock };
    if (action.kind === 'rebuild') {
      if (!usesFile) throw nothingToRebuild();
      const files = new FilePositionStore({ file, destination, log, clock });
      for (const line of await rebuild(parts, files, signal)) out(line);
    } else if (action.kind === 'set') {
      for (const line of await setPositions(parts, action.to, action.force, signal)) out(line);
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
  { sink: { ledger } }: Pick<PositionsParts, 'sink'>,
  store: FilePositionStore,
  signal: AbortSignal,
): Promise<string[]> {
  await store.open(signal);
  try {
    const ranges: OffsetRange[] = [];
    for (const of of await ledger.partitions(signal)) {
      const origin = await ledger.readOrigin(of, signal);
      if (origin === undefined) continue;
      let last: OffsetRange | undefined;
      for await (const entry of walkChain(ledger, of, origin, signal)) last = entry;
      if (last) ranges.push(last);
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
