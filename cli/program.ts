// The command line as a whole: its commands, how wrong usage is told, and what every run ends with.
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addConfigCommand } from './config-command.ts';
import { addConsumerCommands } from './consumer-commands.ts';
import { addCommonOptions, type Surroundings } from './context.ts';
import { EXIT_OK, errorLines, exitCodeOf } from './exit-codes.ts';
import { addGeoWeatherCommand } from './geo-weather-command.ts';
import { addHdfsConsumerCommand } from './hdfs-consumer-command.ts';
import { addPositionsCommand } from './positions-command.ts';
import { addProducerCommand } from './producer-command.ts';
import { addReportCommand } from './report-command.ts';
import { addStackCommand } from './stack-command.ts';
import { addVerifyCommand } from './verify-command.ts';
import { addWeatherAlertsCommand } from './weather-alerts-command.ts';

const EXAMPLES = `
Examples:
  kafka-hive stack up                                   Kafka, HDFS and Hive on this machine
  kafka-hive producer '#kafka'                          posts with #kafka into a topic
  kafka-hive geo-weather Paris France                   the weather of a place into a topic
  kafka-hive consumer                                   from the topic into Hive, from now on
  kafka-hive consumer-from-position                     go on where the last batch ended
  kafka-hive hdfs-consumer --topics weather             weather into files by country and city
  kafka-hive verify                                     does the table hold exactly what the topic holds?

Settings come from flags, KH_* variables, params/params.json and params/config.json, in this order;
kafka-hive config print shows them. Exit codes: 0 done, 2 usage or settings, 3 a service does not answer,
4 refused, 5 a position that needs a decision, 6 the local stack, 70 a fault of this program.
`;

/** Runs the command line `args` (without node and script) and tells what went wrong. Returns the exit code. */
export async function run(args: readonly string[], around: Surroundings): Promise<number> {
  const program = createProgram(around);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    tell(error, around, isDebug(args, around.env));
    return exitCodeOf(error);
  }
}

/** Prints an error as every command does. */
export function tell(error: unknown, around: Pick<Surroundings, 'stderr'>, debug: boolean): void {
  for (const line of errorLines(error, debug)) around.stderr.write(`${line}\n`);
}

function createProgram(around: Surroundings): Command {
  const program = new Command('kafka-hive')
    .description('Streams of posts (or any records) from Kafka into Apache Hive, exactly once.')
    .version(version(), '--version', 'print the version')
    .addHelpText('after', EXAMPLES);
  addCommonOptions(program);
  addProducerCommand(program, around);
  addGeoWeatherCommand(program, around);
  addWeatherAlertsCommand(program, around);
  addConsumerCommands(program, around);
  addHdfsConsumerCommand(program, around);
  addPositionsCommand(program, around);
  addVerifyCommand(program, around);
  addReportCommand(program, around);
  addConfigCommand(program, around);
  addStackCommand(program, around);
  adapt(program, around);
  return program;
}

/** Every command throws instead of exiting, shows the common options, and words its errors as we do. */
function adapt(command: Command, around: Surroundings): void {
  command
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => around.out(text.replace(/\n$/, '')),
      writeErr: (text) => around.stderr.write(text),
      outputError: (text, write) => write(usageLines(command, text)),
    });
  for (const child of command.commands) adapt(child, around);
}

/** `error: unknown option '--x=value'` in our words. The value is left out: it could be a password. */
function usageLines(command: Command, text: string): string {
  const message = text
    .replace(/^error: /, '')
    .replace(/(unknown option '[^=']*)=.*'/s, "$1'")
    .trim()
    .replaceAll('\n', ' ');
  const names: string[] = [];
  for (let at: Command | null = command; at; at = at.parent) names.unshift(at.name());
  return `error USAGE: ${message}\n  hint: ${names.join(' ')} --help\n`;
}

/** Whether stacks are wanted. Asked when something failed, perhaps the settings themselves, so files do not count. */
export function isDebug(args: readonly string[], env: NodeJS.ProcessEnv): boolean {
  const typed = args.some(
    (arg, at) =>
      /^--log-level=debug$/i.test(arg) ||
      (arg === '--log-level' && /^debug$/i.test(args[at + 1] ?? '')),
  );
  return typed || env['KH_LOG__LEVEL'] === 'debug';
}

/** The version in package.json, which lies one folder up in the sources and two up in dist/. */
function version(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not here: the next one is asked.
    }
  }
  return 'unknown';
}
