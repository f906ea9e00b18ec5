// `kafka-hive verify`: does the table hold exactly what the topic holds?
import type { Command } from 'commander';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';
import { addLiveOptions, type LiveOptions, liveFlags } from './live-option.ts';

const OPTIONS: readonly SettingOption[] = [
  { flags: '--topic <name>', key: 'topic' },
  { flags: '--database <name>', key: 'table.database' },
  { flags: '--sink <name>', key: 'consumer.sink', description: 'how rows reached Hive' },
  { flags: '--brokers <host:port,...>', key: 'kafka.brokers' },
];

const EXAMPLES = `
Examples:
  kafka-hive verify                                     the table of consumer-from-position
  kafka-hive verify --live                              the table of the live consumer
  kafka-hive verify --read-topic                        count the records of the topic too (slower)
  kafka-hive verify --json | jq .total                  for programs, one JSON object
`;

interface Options extends LiveOptions {
  readonly readTopic?: boolean;
  readonly json?: boolean;
}

export function addVerifyCommand(program: Command, around: Surroundings): void {
  const command = program
    .command('verify')
    .summary('compare topic, ledger and table')
    .description(
      'Compares topic, ledger and table per topic partition and prints the accounting; ends with 1 when they differ.',
    )
    .addHelpText('after', EXAMPLES);
  addLiveOptions(addSettingOptions(command, OPTIONS))
    .option('--read-topic', 'read the topic and count its records')
    .option('--json', 'one JSON object instead of a table')
    .action(async (options: Options) => {
      const { settings, deps } = openContext(command, around, [
        ...flagsOf(command, OPTIONS),
        ...liveFlags(options),
      ]);
      const { runVerify } = await import('../consumer/verify.ts');
      const { name, liveName } = settings.params.table;
      await runVerify(settings, deps, {
        table: options.live ? liveName : name,
        readTopic: options.readTopic === true,
        json: options.json === true,
      });
    });
}
