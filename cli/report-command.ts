// `kafka-hive report`: one page about the weather records below a base path or in a Hive table.
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { SECTIONS, type Section } from '../report/views.ts';
import { openContext, type Surroundings } from './context.ts';

const EXAMPLES = `
Examples:
  kafka-hive report --input ./hdfs-data                        report.html about what hdfs-consumer wrote
  kafka-hive report --input hdfs://localhost:9000/weather      the same on HDFS
  kafka-hive report --input hive:default.weather               the rows of a Hive table
  kafka-hive report --input ./hdfs-data --country FR --type wind --output wind-fr.html
  kafka-hive report --input ./hdfs-data --export-data exports  CSV and JSON files beside it
`;

interface Options {
  readonly input: string;
  readonly output: string;
  readonly type: Section | 'all';
  readonly country?: string;
  readonly exportData?: string | true;
}

export function addReportCommand(program: Command, around: Surroundings): void {
  const command = program
    .command('report')
    .summary('weather records as one page')
    .description(
      'Writes one HTML page about weather records: temperature, wind, alerts, places, hours. It needs no network to be read.',
    )
    .requiredOption(
      '-i, --input <place>',
      'base path of hdfs-consumer (a directory, hdfs://... or webhdfs://...) or hive:database.table',
    )
    .option('-o, --output <file>', 'where the page goes', 'report.html')
    .addOption(
      new Option('--type <section>', 'the section wanted')
        .choices([...SECTIONS, 'all'])
        .default('all'),
    )
    .option('--country <code>', 'only this country, by its code (FR) or name')
    .option(
      '--export-data [directory]',
      'also write CSV and JSON files (default: exports, beside the page)',
    )
    .addHelpText('after', EXAMPLES)
    .action(async ({ input, output, type, country, exportData }: Options) => {
      const { settings, deps } = openContext(command, around);
      const { runReport } = await import('../report/report.ts');
      const page = resolve(around.directory, output);
      const directory = exportData === true ? join(dirname(page), 'exports') : exportData;
      await runReport(settings, deps, {
        input: /^[a-z][a-z0-9+.-]*:/i.test(input) ? input : resolve(around.directory, input),
        output: page,
        type,
        country,
        exportDirectory: directory && resolve(around.directory, directory),
      });
    });
}
