// `kafka-hive config`: what is in force and why, or everything that is wrong with it. Connects to nothing.
import type { Command } from 'commander';
import { explain, explainLines } from '../params/explain.ts';
import { loadFor, type Surroundings } from './context.ts';

const EXAMPLES = `
Examples:
  kafka-hive config check                               everything that is wrong, with line and column
  kafka-hive config print                               each setting with its value and where it came from
  KH_BATCH__SIZE=500 kafka-hive config print --json     for programs, one JSON document
`;

export function addConfigCommand(program: Command, around: Surroundings): void {
  const config = program
    .command('config')
    .summary('show or check the settings')
    .description(
      'Shows or checks the settings: flag before environment before file before default.',
    )
    .addHelpText('after', EXAMPLES);

  const print = config
    .command('print')
    .description('Prints each setting with its value and its origin; secrets are masked.')
    .option('--json', 'as one JSON document')
    .action((options: { json?: boolean }) => {
      const settings = explain(loadFor(print, around));
      if (options.json) {
        const values = settings.map((setting) => ({ ...setting, value: setting.value ?? null }));
        around.out(JSON.stringify(values, null, 2));
      } else for (const line of explainLines(settings)) around.out(line);
    });

  const check = config
    .command('check')
    .description(
      'Checks files, environment and flags as a whole; ends with 2 and all problems if any.',
    )
    .action(() => {
      const { warnings } = loadFor(check, around);
      for (const warning of warnings) around.stderr.write(`warning: ${warning}\n`);
      around.out('the settings are valid');
    });
}
