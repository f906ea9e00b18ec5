// The checks that are no tests of behaviour: style, types, dead code, generated files, the package as users get it.
import { runChild } from '../child.ts';
import { type Counts, failed, NOTHING, sum } from './counts.ts';

interface Check {
  readonly title: string;
  /** Commands run one after the other by this Node, each a script with its arguments. */
  readonly commands: readonly (readonly string[])[];
}

const ours = (script: string, ...args: string[]) => ['--import', 'tsx', script, ...args];
const tool = (script: string, ...args: string[]) => [`node_modules/${script}`, ...args];

const CHECKS: readonly Check[] = [
  {
    title: 'biome: style, import directions, no circle',
    commands: [tool('@biomejs/biome/bin/biome', 'ci', '--colors=off', '--error-on-warnings', '.')],
  },
  { title: 'tsc: types', commands: [tool('typescript/bin/tsc', '--noEmit', '-p', '.')] },
  { title: 'knip: no dead file, export or dependency', commands: [tool('knip/bin/knip.js')] },
  {
    title: 'generated documents, pictures and lists are fresh',
    commands: [
      ours('scripts/docs.ts', '--check'),
      ours('scripts/images.ts', '--check'),
      ours('scripts/requirements.ts', '--check'),
    ],
  },
  {
    title: 'the built command starts',
    commands: [ours('scripts/build.ts'), ['dist/cli/main.js', '--version']],
  },
];

async function runCheck(
  check: Check,
  root: string,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<Counts> {
  const began = performance.now();
  let output = '';
  const took = () => `(${Math.round(performance.now() - began)} ms)`;
  for (const command of check.commands) {
    const end = await runChild(process.execPath, command, {
      cwd: root,
      onOutput: (text) => {
        output += text;
      },
      signal,
    });
    if (end.code !== 0) {
      const said = output.trimEnd().replaceAll('\n', '\n      ');
      write(`  ✖ ${check.title} ${took()}\n      ${said}\n`);
      return failed('checks', check.title, `${command.join(' ')} ended with ${end.code}`);
    }
  }
  write(`  ✔ ${check.title} ${took()}\n`);
  return { ...NOTHING, passed: 1 };
}

/** Runs every check, one after the other; each counts as one test. After an abort no further one is started. */
export async function runChecks(
  root: string,
  write: (text: string) => void,
  signal: AbortSignal,
): Promise<Counts> {
  const counts: Counts[] = [];
  for (const check of CHECKS)
    if (!signal.aborted) counts.push(await runCheck(check, root, write, signal));
  return sum(counts);
}
