// `npm test`: runs every test, real servers included, and ends in the line `N passed, N failed`.
//   npm test -- --only unit,servers      npm test -- test/servers/webhdfs.test.ts

import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { EXIT_INTERRUPTED } from '../pipeline/lifecycle.ts';
import { stopOnce } from './stop-once.ts';
import { runChecks } from './testing/checks.ts';
import { type Counts, failed, formatCounts, isGood, sum } from './testing/counts.ts';
import { runFiles } from './testing/run-files.ts';
import {
  FILE_SUITES,
  type FileSuite,
  SUITES,
  type Suite,
  suiteOf,
  testFiles,
} from './testing/suites.ts';
import { startTestStack, type TestStack } from './testing/test-stack.ts';

const FILE_MS_MAX = 5 * 60_000;
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const write = (text: string) => {
  process.stdout.write(text);
};

/** What to run: suites, each with its files; `checks` has none. */
interface Plan {
  readonly suite: Suite;
  readonly files: readonly string[];
}

function readPlan(args: readonly string[]): Plan[] | string {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { only: { type: 'string', multiple: true } },
  });
  const chosen = (values.only ?? []).flatMap((value) => value.split(','));
  const unknown = chosen.find((name) => !SUITES.some((suite) => suite === name));
  if (unknown !== undefined) return `unknown suite ${unknown}: there are ${SUITES.join(', ')}`;
  if (positionals.length === 0)
    return SUITES.filter((suite) => chosen.length === 0 || chosen.includes(suite)).map((suite) => ({
      suite,
      files: suite === 'checks' ? [] : testFiles(root, suite),
    }));
  const files = positionals.map((file) => relative(root, resolve(file)));
  const stray = files.find((file) => suiteOf(file) === undefined);
  if (stray !== undefined) return `${stray} lies in no test folder`;
  return (Object.keys(FILE_SUITES) as FileSuite[])
    .map((suite) => ({ suite, files: files.filter((file) => suiteOf(file) === suite) }))
    .filter((plan) => plan.files.length > 0);
}

async function runSuite(plan: Plan, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Counts> {
  if (plan.suite === 'checks') {
    write('\n── checks\n');
    return runChecks(root, write, signal);
  }
  write(`\n── ${plan.suite}: ${plan.files.length} files\n`);
  if (plan.files.length === 0) return failed(plan.suite, 'the whole suite', 'no test file found');
  return runFiles(plan.files, {
    root,
    concurrency: FILE_SUITES[plan.suite].concurrency,
    fileMsMax: FILE_MS_MAX,
    env,
    write,
    signal,
  });
}

const needsStack = ({ suite }: Plan) => suite !== 'checks' && FILE_SUITES[suite].needsStack;

async function runAll(plans: readonly Plan[], signal: AbortSignal): Promise<Counts> {
  const counts: Counts[] = [];
  let stack: TestStack | undefined;
  try {
    for (const plan of plans) {
      if (signal.aborted) break;
      if (needsStack(plan) && plan.files.length > 0) stack ??= await startTestStack(signal);
      counts.push(await runSuite(plan, { ...process.env, ...stack?.env }, signal));
    }
  } catch (error) {
    if (!signal.aborted)
      counts.push(failed('stack', 'the local stack starts', describeStart(error)));
  } finally {
    await stack?.close();
  }
  return sum(counts);
}

function describeStart(error: unknown): string {
  const hint = error instanceof Error && 'hint' in error && error.hint ? `\n${error.hint}` : '';
  return `${error instanceof Error ? error.message : error}${hint}`;
}

function report(counts: Counts): void {
  if (counts.failures.length > 0) write('\n── failures\n');
  for (const { where, name, reason } of counts.failures)
    write(`  ✖ ${where}: ${name}\n      ${reason.split('\n').slice(0, 3).join('\n')}\n`);
  write(`\n${formatCounts(counts)}\n`);
}

async function main(): Promise<number> {
  const plans = readPlan(process.argv.slice(2));
  if (typeof plans === 'string') {
    process.stderr.write(`${plans}\n`);
    return EXIT_USAGE;
  }
  const signal = stopOnce(write);
  const counts = await runAll(plans, signal);
  report(counts);
  if (signal.aborted) return EXIT_INTERRUPTED;
  return isGood(counts) ? 0 : EXIT_FAILED;
}

process.exitCode = await main();
