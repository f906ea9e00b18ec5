// `kafka-hive producer`: sends posts with a hashtag, or lines of any kind, to a topic.
import { type Command, InvalidArgumentError } from 'commander';
import type { FlagValue } from '../params/environment.ts';
import { confirmOnTerminal } from './confirm.ts';
import {
  addSettingOptions,
  flagsOf,
  openContext,
  type SettingOption,
  type Surroundings,
} from './context.ts';
import { durationMinutes } from './duration.ts';
import { METRICS_OPTION, withProducerMetrics } from './watch.ts';

const OPTIONS: readonly SettingOption[] = [
  { flags: '--source <name,...>', key: 'producer.source' },
  {
    flags: '--input <file>',
    key: 'producer.input',
    repeatable: true,
    description: 'file of lines, repeatable; - is standard input (means --source lines)',
  },
  {
    flags: '--raw',
    key: 'producer.raw',
    description: 'send each line as plain text (means --source lines)',
  },
  {
    flags: '--csv',
    key: 'producer.csv',
    description: 'the input is CSV with a header (means --source lines)',
  },
  {
    flags: '--follow',
    key: 'producer.follow',
    description: 'go on reading the input as it grows (means --source lines)',
  },
  {
    flags: '--replace-rules',
    key: 'producer.x.replaceRules',
    description:
      'x: when X takes no more filter rules, delete the oldest of others; asks on a terminal',
  },
  { flags: '--topic <name>', key: 'topic' },
  {
    flags: '--partitioning <way>',
    key: 'producer.partitioning',
    description: 'how records find their partition',
  },
  {
    flags: '--partition-switch <duration>',
    key: 'producer.partitionSwitchMinutes',
    description: 'rotate: time on one partition, such as 30s, 10m or 1h',
    convert: (text) => {
      const minutes = durationMinutes(text);
      if (minutes === undefined) throw new InvalidArgumentError('Expected 30s, 10m or 1h.');
      return String(minutes);
    },
  },
  { flags: '--max-messages <count>', key: 'producer.maxMessages' },
  { flags: '--brokers <host:port,...>', key: 'kafka.brokers' },
  METRICS_OPTION,
];

const EXAMPLES = `
Examples:
  kafka-hive producer '#kafka'                          posts of X with #kafka, as they come
  kafka-hive producer kafka --partition-switch 30s      the next topic partition every 30 seconds
  kafka-hive producer '#kafka' '#hive' --source bluesky,mastodon    several at once, free of charge
  kafka-hive producer --input posts.ndjson              a file with one JSON object a line
  kafka-hive producer --raw --follow --input app.log    a log, line by line, as it grows and rotates
`;

export function addProducerCommand(program: Command, around: Surroundings): void {
  const command = program
    .command('producer')
    .summary('send posts with a hashtag to a topic')
    .description('Sends posts with a hashtag, or lines of any kind, to a Kafka topic.')
    .argument(
      '[hashtag...]',
      "with or without #; quote it ('#kafka'), the shell takes # for a comment",
    )
    .option('--from-start', 'forget how far the sources are, and start each afresh')
    .addHelpText('after', EXAMPLES);
  addSettingOptions(command, OPTIONS).action(async (hashtags: string[]) => {
    const { settings, deps } = openContext(command, around, [
      ...flagsOf(command, OPTIONS),
      ...implied(command, hashtags),
    ]);
    const { runProducer } = await import('../producer/producer.ts');
    const { fromStart = false } = command.opts<{ fromStart?: boolean }>();
    const confirm = confirmOnTerminal(process.stdin, process.stderr, deps.signal);
    await withProducerMetrics(settings.params, deps, (observer) =>
      runProducer(settings, deps, { fromStart, confirm, observer }),
    );
  });
}

/** The hashtag arguments; and the lines source, which its options only make sense with. */
function implied(command: Command, hashtags: readonly string[]): FlagValue[] {
  const flags: FlagValue[] = [];
  if (hashtags.length > 0) flags.push({ key: 'hashtag', value: hashtags, flag: 'argument' });
  const given = command.opts<Record<string, unknown>>();
  const option = ['input', 'raw', 'csv', 'follow'].find((name) => given[name] !== undefined);
  if (given['source'] === undefined && option !== undefined) {
    flags.push({ key: 'producer.source', value: 'lines', flag: `--${option}` });
  }
  return flags;
}
