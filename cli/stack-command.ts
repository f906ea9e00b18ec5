// `kafka-hive stack`: Kafka, HDFS and HiveServer2 on this machine, for trying things out and for the tests.
import { join, relative, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { PipelineError } from '../pipeline/errors.ts';
import { createLog, type Log, type LogLevel } from '../pipeline/log.ts';
import { readState } from '../stack/data-dir.ts';
import { down, status, up, wipe } from '../stack/launch.ts';
import { allNodes, endpointsOf, type StackEndpoints } from '../stack/layout.ts';
import { fileName, SERVICES, type Service } from '../stack/node.ts';
import { logFile, logTail } from '../stack/process.ts';
import { runSql } from '../stack/sqlline.ts';
import type { Surroundings } from './context.ts';

const DATA_DIR = '.stack/data';
const LINES = 20;

const EXAMPLES = `
Examples:
  kafka-hive stack up                                   on the usual ports: 9092, 9870, 8020, 10000
  kafka-hive stack up --ports free --data-dir /tmp/try  a second one beside it
  kafka-hive stack up --brokers 3 --data-nodes 3        one that survives the death of a broker
  kafka-hive stack status                               what runs, where
  kafka-hive stack logs hive --lines 100                the end of a log
  kafka-hive stack sql 'select count(*) from posts'     asked through Apache's own JDBC driver
  kafka-hive stack down                                 stop everything, keep the data
  kafka-hive stack wipe                                 stop everything, delete the data
`;

interface Common {
  readonly dataDir: string;
}

interface UpFlags extends Common {
  readonly services: readonly Service[];
  readonly brokers?: 1 | 3;
  readonly dataNodes?: 1 | 2 | 3;
  readonly ports: 'default' | 'free';
  readonly json?: true;
}

export function addStackCommand(program: Command, around: Surroundings): void {
  const stack = program
    .command('stack')
    .summary('Kafka, HDFS and Hive on this machine')
    .description(
      'Runs real Kafka, HDFS and HiveServer2 on 127.0.0.1. The first start downloads about 370 MB with Maven.',
    )
    .addHelpText('after', EXAMPLES);
  addUp(stack, around);
  addLooking(stack, around);
  addEnding(stack, around);
}

const dataDirOption = () =>
  new Option('--data-dir <path>', 'everything it writes').default(DATA_DIR);

function services(text: string): Service[] {
  const names = text.split(',');
  const unknown = names.find((name) => !SERVICES.includes(name as Service));
  if (unknown !== undefined) throw new InvalidArgumentError(`expected ${SERVICES.join(', ')}`);
  return names as Service[];
}

function oneOf<T extends number>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((each) => String(each) === text);
    if (found === undefined) throw new InvalidArgumentError(`expected ${allowed.join(', ')}`);
    return found;
  };
}

function addUp(stack: Command, around: Surroundings): void {
  const command = stack
    .command('up')
    .description('Starts what does not run yet and waits until all of it serves.')
    .addOption(dataDirOption())
    .addOption(
      new Option('--ports <which>', 'usual ports or free ones; a directory keeps its first choice')
        .choices(['default', 'free'])
        .default('default'),
    )
    .option('--services <names>', 'kafka, hdfs, hive', services, [...SERVICES])
    .option('--brokers <count>', 'Kafka brokers: 1 or 3 (default: 1)', oneOf([1, 3]))
    .option('--data-nodes <count>', 'HDFS DataNodes: 1 to 3 (default: 1)', oneOf([1, 2, 3]))
    .option('--json', 'print the endpoints as JSON')
    .action(async (flags: UpFlags) => {
      const log = logOf(command, around);
      const signal = around.listenForStop(() => log.info('stopping; once more to leave at once'));
      const dataDir = resolve(around.directory, flags.dataDir);
      const endpoints = await up({ ...flags, dataDir, log, signal });
      if (flags.json) around.out(JSON.stringify(endpoints));
      else
        for (const line of summary(endpoints, relative(around.directory, dataDir)))
          around.out(line);
    });
}

function summary(endpoints: StackEndpoints, dataDir: string): string[] {
  const { kafka, hdfs, hive } = endpoints;
  return [
    `Kafka        ${kafka.brokers.join(', ')}`,
    `HDFS         ${hdfs.nameNodes.join(', ')}  ${hdfs.uri}`,
    `HiveServer2  ${hive.host}:${hive.port}`,
    `settings     --config ${join(dataDir, 'config.json')}`,
  ];
}

function addLooking(stack: Command, around: Surroundings): void {
  stack
    .command('status')
    .description('Shows each node: process, ports, and whether it serves.')
    .addOption(dataDirOption())
    .option('--json', 'one JSON object per node')
    .action(async ({ dataDir, json }: Common & { json?: true }) => {
      const nodes = await status({ dataDir: resolve(around.directory, dataDir) });
      if (nodes.length === 0 && !json) around.out(`no stack was started in ${dataDir}`);
      for (const { node, pid, serves, ports } of nodes) {
        const state = pid === undefined ? 'stopped' : serves ? 'serves' : 'does not answer';
        if (json) around.out(JSON.stringify({ node, state, pid, ports }));
        else around.out(`${node.padEnd(12)} ${state.padEnd(16)} ${pid ?? '-'}  ${ports.join(' ')}`);
      }
    });

  stack
    .command('logs')
    .argument('[node]', 'broker 1, namenode, datanode 1, hive (default: all)')
    .description('Prints the end of the logs, and where they are.')
    .addOption(dataDirOption())
    .option('--lines <count>', 'lines per log', (text) => Number.parseInt(text, 10), LINES)
    .action(async (node: string | undefined, { dataDir, lines }: Common & { lines: number }) => {
      const directory = resolve(around.directory, dataDir);
      const state = await readState(directory);
      const all = state ? allNodes(directory, state).map((each) => each.name) : [];
      const names = node === undefined ? all : [node];
      for (const name of names) {
        if (!all.includes(name)) throw unknownNode(name, all);
        const file = fileName(name);
        around.out(`==> ${logFile(directory, file)} <==`);
        for (const line of await logTail(directory, file, lines)) around.out(line);
      }
    });

  const sql = stack
    .command('sql')
    .argument('<statement>')
    .description("Asks HiveServer2 through Apache's own JDBC driver (sqlline).")
    .addOption(dataDirOption())
    .addOption(new Option('--format <name>').choices(['table', 'csv', 'json']).default('table'))
    .action(async (statement: string, flags: Common & { format: 'table' | 'csv' | 'json' }) => {
      const log = logOf(sql, around);
      const state = await readState(resolve(around.directory, flags.dataDir));
      if (!state) throw notStarted(flags.dataDir);
      const signal = around.listenForStop(() => log.info('stopping'));
      const { hive } = endpointsOf(state);
      const printed = await runSql(statement, { hive, format: flags.format, log, signal });
      if (printed !== '') around.out(printed.trimEnd());
    });
}

function addEnding(stack: Command, around: Surroundings): void {
  const endings = [
    { name: 'down', run: down, text: 'Stops everything, also after a crash. The data stays.' },
    { name: 'wipe', run: wipe, text: 'Stops everything and deletes its topics, tables and files.' },
  ];
  for (const { name, run, text } of endings) {
    const command: Command = stack
      .command(name)
      .description(text)
      .addOption(dataDirOption())
      .action(({ dataDir }: Common) =>
        run({ dataDir: resolve(around.directory, dataDir), log: logOf(command, around) }),
      );
  }
}

/** The stack needs no settings, so a broken settings file must not keep anyone from stopping it. */
function logOf(command: Command, around: Surroundings): Log {
  const flags = command.optsWithGlobals<{ logLevel?: LogLevel; logFormat?: string }>();
  const format = flags.logFormat ?? 'auto';
  const pretty = format === 'pretty' || (format === 'auto' && around.stderr.isTTY === true);
  return createLog({
    level: flags.logLevel ?? 'info',
    format: pretty ? 'pretty' : 'json',
    stream: around.stderr,
  });
}

function unknownNode(name: string, all: readonly string[]): PipelineError {
  return new PipelineError('USAGE', `there is no "${name}" in this stack`, {
    hint: all.length > 0 ? `It has: ${all.join(', ')}.` : 'Start one with `kafka-hive stack up`.',
  });
}

function notStarted(dataDir: string): PipelineError {
  return new PipelineError('USAGE', `no stack was started in ${dataDir}`, {
    hint: 'Start it with `kafka-hive stack up`, or name its directory with `--data-dir`.',
  });
}
