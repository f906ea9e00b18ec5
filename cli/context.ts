// How a command gets its settings: from its flags, the environment and the files; and the deps it runs with.
import type { Writable } from 'node:stream';
import { type Command, Option } from 'commander';
import type { FlagValue } from '../params/environment.ts';
import { settingKey } from '../params/keys.ts';
import { type Loaded, loadSettings } from '../params/load.ts';
import type { Settings } from '../params/schema.ts';
import { systemClock } from '../pipeline/clock.ts';
import { invariant } from '../pipeline/errors.ts';
import type { CommandDeps } from '../pipeline/lifecycle.ts';
import { createLog } from '../pipeline/log.ts';

/** The process around a command; tests give one of their own. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  /** Where relative paths of settings files start. */
  readonly directory: string;
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly out: (line: string) => void;
  /** Called once by a command that can be stopped; the signal aborts with `Stopping`. */
  readonly listenForStop: (announce: (message: string) => void) => AbortSignal;
}

/** An option of a command that stands for one setting. Its description is the setting's own. */
export interface SettingOption {
  /** As commander takes it: `--topic <name>`; without `<...>` it is a switch that means true. */
  readonly flags: string;
  readonly key: string;
  readonly repeatable?: boolean;
  /** Text as typed → text as the setting takes it. Throws commander's InvalidArgumentError. */
  readonly convert?: (text: string) => string;
  readonly description?: string;
}

export interface CommandContext {
  readonly settings: Settings;
  readonly deps: CommandDeps;
}

/** Options every command has, given to the program itself. */
export function addCommonOptions(program: Command): void {
  program
    .option('--params <file>', 'the job (KH_PARAMS; default: params/params.json if it is there)')
    .option(
      '--config <file>',
      'connections (KH_CONFIG; default: params/config.json if it is there)',
    )
    .option(
      '--set <path=value>',
      'any setting but a secret, repeatable: --set batch.size=500',
      collect,
    )
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option('--log-format <format>', 'auto, pretty or json');
}

export function addSettingOptions(command: Command, options: readonly SettingOption[]): Command {
  for (const { flags, key, repeatable, convert, description } of options) {
    const setting = settingKey(key);
    invariant(setting !== undefined, `option ${flags} stands for a setting that does not exist`);
    const values = setting.node.enum ?? setting.node.items?.enum;
    const choices = values ? ` (${values.join(', ')})` : '';
    const option = new Option(flags, `${description ?? setting.node.description}${choices}`);
    if (repeatable) option.argParser(collect);
    else if (convert) option.argParser(convert);
    command.addOption(option);
  }
  return command;
}

/** The settings that were really typed, in the order of `options`. */
export function flagsOf(command: Command, options: readonly SettingOption[]): FlagValue[] {
  return options.flatMap(({ flags, key }) => {
    const name = new Option(flags).attributeName();
    if (command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    const flag = flags.split(' ')[0] ?? flags;
    return [{ key, flag, value: Array.isArray(value) ? value.map(String) : String(value) }];
  });
}

/** Loads the settings without connecting anywhere. Throws CONFIG_INVALID, CONFIG_UNREADABLE. */
export function loadFor(
  command: Command,
  around: Surroundings,
  flags: readonly FlagValue[] = [],
): Loaded {
  const options = command.optsWithGlobals<{
    params?: string;
    config?: string;
    set?: string[];
    logLevel?: string;
    logFormat?: string;
  }>();
  const log: FlagValue[] = [];
  if (options.logLevel !== undefined) {
    // The exercises write DEBUG and WARNING, as Python does.
    const value = options.logLevel.toLowerCase().replace(/^warning$/, 'warn');
    log.push({ key: 'log.level', value, flag: '--log-level' });
  }
  if (options.logFormat !== undefined)
    log.push({ key: 'log.format', value: options.logFormat, flag: '--log-format' });
  return loadSettings({
    directory: around.directory,
    env: around.env,
    flags: [...flags, ...log],
    ...(options.params === undefined ? {} : { paramsFile: options.params }),
    ...(options.config === undefined ? {} : { configFile: options.config }),
    ...(options.set === undefined ? {} : { set: options.set }),
  });
}

/** Everything a command runs with. From here on the first Ctrl-C asks the command to finish. */
export function openContext(
  command: Command,
  around: Surroundings,
  flags: readonly FlagValue[] = [],
): CommandContext {
  const { settings, warnings } = loadFor(command, around, flags);
  const { level, format } = settings.params.log;
  const pretty = format === 'pretty' || (format === 'auto' && around.stderr.isTTY === true);
  const log = createLog({ level, format: pretty ? 'pretty' : 'json', stream: around.stderr });
  for (const warning of warnings) log.warn(warning);
  const signal = around.listenForStop((message) => log.info(message));
  return { settings, deps: { log, clock: systemClock, signal, out: around.out } };
}

function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}
