// `--live`, `--table` and `--group` of commands that look at either consumer: with --live the names are the live one's.
import type { Command } from 'commander';
import type { FlagValue } from '../params/environment.ts';

export interface LiveOptions {
  readonly live?: boolean;
  readonly table?: string;
  readonly group?: string;
}

export function addLiveOptions(command: Command): Command {
  return command
    .option('--live', 'of the live consumer, not of consumer-from-position')
    .option('--table <name>', 'table (table.name; with --live table.liveName)');
}

export function liveFlags({ live = false, table, group }: LiveOptions): FlagValue[] {
  const flags: FlagValue[] = [];
  if (table !== undefined) {
    flags.push({ key: live ? 'table.liveName' : 'table.name', value: table, flag: '--table' });
  }
  if (group !== undefined) {
    const key = live ? 'consumer.liveGroup' : 'consumer.group';
    flags.push({ key, value: group, flag: '--group' });
  }
  return flags;
}
