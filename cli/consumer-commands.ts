// `kafka-hive consumer` and `kafka-hive consumer-from-position`: pack records into batches and insert them into Hive.
import type { Command } from 'commander';
import { PipelineError } from '../pipeline/errors.ts';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';
import { METRICS_OPTION, withConsumerMetrics } from './watch.ts';

const SHARED: readonly SettingOption[] = [
  { flags: '--topic <name>', key: 'topic' },
  { flags: '--database <name>', key: 'table.database' },
  { flags: '--sink <name>', key: 'consumer.sink', description: 'how rows reach Hive' },
  { flags: '--format <name>', key: 'table.format' },
  { flags: '--value-format <name>', key: 'consumer.valueFormat' },
  { flags: '--batch-size <records>', key: 'batch.size' },
  { flags: '--on-gap <policy>', key: 'consumer.onGap' },
  { flags: '--brokers <host:port,...>', key: 'kafka.brokers' },
  METRICS_OPTION,
];

const LIVE: readonly SettingOption[] = [
  ...SHARED,
  { flags: '--group <id>', key: 'consumer.liveGroup' },
  { flags: '--table <name>', key: 'table.liveName' },
];

const FROM_POSITION: readonly SettingOption[] = [
  ...SHARED,
  { flags: '--group <id>', key: 'consumer.group' },
  { flags: '--table <name>', key: 'table.name' },
  { flags: '--from <where>', key: 'consumer.from' },
  { flags: '--offset-store <name>', key: 'positions.store' },
];

const LIVE_EXAMPLES = `
Examples:
  kafka-hive consumer                                   from now on, as params/params.json says
  kafka-hive consumer --topic posts --batch-size 500    batches of 500 records
  kafka-hive consumer --sink hive-insert                where only HiveServer2 can be reached
`;

const FROM_POSITION_EXAMPLES = `
Examples:
  kafka-hive consumer-from-position                     go on after the last committed batch
  kafka-hive consumer-from-position --until-end         place what is there now, then end
  kafka-hive consumer-from-position --from 2026-11-21T10:00:00Z --table since_ten
                                                        a table that starts at a time
  kafka-hive consumer-from-position --from 0:500,1:720 --force
                                                        leave out what lies before; it is recorded
`;

export function addConsumerCommands(program: Command, around: Surroundings): void {
  const live = program
    .command('consumer')
    .summary('insert what arrives from now on into Hive')
    .description(
      'The live consumer: packs what arrives while it runs into batches, inserts them into Hive.',
    )
    .addHelpText('after', LIVE_EXAMPLES);
  addSettingOptions(live, LIVE).action(async () => {
    const { settings, deps } = openContext(live, around, flagsOf(live, LIVE));
    const { runLiveConsumer } = await import('../consumer/consumer.ts');
    await withConsumerMetrics(settings.params, deps, (observer) =>
      runLiveConsumer(settings, deps, observer),
    );
  });

  const stored = program
    .command('consumer-from-position')
    .summary('go on from the stored position, insert into Hive')
    .description(
      'Goes on after the last committed batch, whatever happened before; its first start is where --from says.',
    )
    .addHelpText('after', FROM_POSITION_EXAMPLES);
  addSettingOptions(stored, FROM_POSITION)
    .option('--until-end', 'end when everything that is in the topic now is placed')
    .option('--force', 'pass over the records between the table and a --from ahead of it')
    .action(async (options: { untilEnd?: boolean; force?: boolean }) => {
      const { settings, deps } = openContext(stored, around, flagsOf(stored, FROM_POSITION));
      const { untilEnd = false, force = false } = options;
      if (force && settings.params.consumer.from === 'stored') {
        throw new PipelineError('USAGE', '--force needs a --from to go to', {
          hint: 'For example: --from 0:500,1:720 --force',
        });
      }
      const { runConsumerFromPosition } = await import('../consumer/consumer-from-position.ts');
      await withConsumerMetrics(settings.params, deps, (observer) =>
        runConsumerFromPosition(settings, deps, { untilEnd, force, observer }),
      );
    });
}
