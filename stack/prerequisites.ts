// Node, Java and Maven: what is missing or too old is named with the command that installs it.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { PipelineError } from '../pipeline/errors.ts';
import { javaCommand } from './java.ts';

const run = promisify(execFile);

const NEEDED = { node: '20.19', java: '17', maven: '3.6' } as const;

/** Compares dotted versions number by number. */
export function isAtLeast(version: string, needed: string): boolean {
  const have = version.split('.').map(Number);
  for (const [index, part] of needed.split('.').map(Number).entries()) {
    const difference = (have[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** `17.0.15` of `openjdk version "17.0.15" ...`; the old `1.8.0` counts as 8. Undefined when there is none. */
export function javaVersion(output: string): string | undefined {
  return /version "(?:1\.)?(\d+(?:\.\d+)*)/.exec(output)?.[1];
}

export function mavenVersion(output: string): string | undefined {
  return /Apache Maven (\d+(?:\.\d+)*)/.exec(output)?.[1];
}

const INSTALLERS: readonly (readonly [tool: string, java: string, maven: string])[] = [
  ['apt-get', 'sudo apt-get install -y openjdk-17-jre-headless', 'sudo apt-get install -y maven'],
  ['dnf', 'sudo dnf install -y java-17-openjdk-headless', 'sudo dnf install -y maven'],
  ['apk', 'sudo apk add openjdk17-jre-headless', 'sudo apk add maven'],
  ['pacman', 'sudo pacman -S jre17-openjdk-headless', 'sudo pacman -S maven'],
  ['zypper', 'sudo zypper install -y java-17-openjdk-headless', 'sudo zypper install -y maven'],
  ['brew', 'brew install openjdk@17', 'brew install maven'],
];

function onPath(tool: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function installCommand(what: 'java' | 'maven'): string {
  const found = INSTALLERS.find(([tool]) => onPath(tool)) ?? INSTALLERS[0];
  return found?.[what === 'java' ? 1 : 2] ?? '';
}

/** What the program prints on both outputs; undefined when it cannot be run. */
async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(command, args);
    return `${stdout}\n${stderr}`;
  } catch {
    return undefined;
  }
}

function missing(what: string, needed: string, found: string | undefined, hint: string) {
  const state = found === undefined ? `there is no ${what}` : `${what} ${found} is too old`;
  return new PipelineError(
    'STACK_PREREQUISITE',
    `${state}; the stack needs ${what} ${needed} or newer`,
    {
      hint,
      context: { what, needed },
    },
  );
}

/** Throws STACK_PREREQUISITE naming the first one that is missing, and the command that installs it. */
export async function checkPrerequisites(): Promise<void> {
  if (!isAtLeast(process.versions.node, NEEDED.node)) {
    const hint = 'Install Node 20.19 or newer, e.g. `nvm install 20`.';
    throw missing('Node', NEEDED.node, process.versions.node, hint);
  }
  const [java, maven] = await Promise.all([
    outputOf(javaCommand(), ['-version']),
    outputOf('mvn', ['-B', '-v']),
  ]);
  const javaFound = java === undefined ? undefined : javaVersion(java);
  if (javaFound === undefined || !isAtLeast(javaFound, NEEDED.java)) {
    const hint = `Run \`${installCommand('java')}\`${process.env['JAVA_HOME'] ? ' and point JAVA_HOME at it, or unset JAVA_HOME' : ''}.`;
    throw missing('Java', NEEDED.java, javaFound, hint);
  }
  const mavenFound = maven === undefined ? undefined : mavenVersion(maven);
  if (mavenFound === undefined || !isAtLeast(mavenFound, NEEDED.maven)) {
    throw missing('Maven', NEEDED.maven, mavenFound, `Run \`${installCommand('maven')}\`.`);
  }
}
