// `kafka-hive positions`: how far each topic partition is, and the few ways to change that on purpose.
import type { Command } from 'commander';
import type { PositionsAction } from '../consumer/positions/command.ts';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';
import { addLiveOptions, type LiveOptions, liveFlags } from './live-option.ts';

const SHARED: readonly SettingOption[] = [
  { flags: '--topic <name>', key: 'topic' },
  { flags: '--database <name>', key: 'table.database' },
  { flags: '--sink <name>', key: 'consumer.sink', description: 'how rows reach Hive' },
  { flags: '--offset-store <name>', key: 'positions.store' },
  { flags: '--brokers <host:port,...>', key: 'kafka.brokers' },
];

const EXAMPLES = `
Examples:
  kafka-hive positions show                             position, end and lag of each topic partition
  kafka-hive positions export > positions.json          the same for programs, one JSON object
  kafka-hive positions set 0:1500,1:1720 --force        leave out what lies before these offsets
  kafka-hive positions rebuild                          write a lost position file anew from the ledger
`;

export function addPositionsCommand(program: Command, around: Surroundings): void {
  const positions = program
    .command('positions')
    .summary('show or move the positions')
    .description(
      'Shows how far each topic partition is, exports it, moves it forward, rebuilds the file.',
    )
    .addHelpText('after', EXAMPLES);
  const actions = [
    ['show', 'Prints position, end and lag of each topic partition.'],
    ['export', 'Prints the positions as one JSON object.'],
    ['rebuild', 'Writes the position file anew from the ledger.'],
  ] as const;
  for (const [kind, description] of actions) {
    const command = prepare(positions.command(kind), description);
    command.action((options: Options) => perform(command, around, { kind }, options));
  }
  const set = prepare(positions.command('set'), 'Moves topic partitions forward, in the ledger.')
    .argument(
      '<positions>',
      'partition:offset,... with the next offset to be read of each: 0:1500,1:1720',
    )
    .option('--force', 'yes, leave out the records between');
  set.action(async (text: string, options: Options) => {
    const { parsePartitionOffsets } = await import('../consumer/positions/move.ts');
    const to = parsePartitionOffsets(text);
    await perform(set, around, { kind: 'set', to, force: options.force === true }, options);
  });
}

interface Options extends LiveOptions {
  readonly force?: boolean;
}

function prepare(command: Command, description: string): Command {
  return addLiveOptions(addSettingOptions(command.description(description), SHARED)).option(
    '--group <id>',
    'consumer group (consumer.group; with --live consumer.liveGroup)',
  );
}

async function perform(
  command: Command,
  around: Surroundings,
  action: PositionsAction,
  options: Options,
): Promise<void> {
  const flags = [...flagsOf(command, SHARED), ...liveFlags(options)];
  const { settings, deps } = openContext(command, around, flags);
  const { runPositions } = await import('../consumer/positions/command.ts');
  await runPositions(settings, deps, action, { live: options.live === true });
}
