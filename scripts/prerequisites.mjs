// What must be on the machine before anything of ours can run, and the command that installs what is missing.
// Plain JavaScript without dependencies: it runs before `npm ci`.
import { spawnSync } from 'node:child_process';

const TOOLS = {
  node: {
    least: [20, 19],
    title: 'Node.js >= 20.19',
    debian:
      'curl -fsSL https://deb.nodesource.com/setup_22.x | sudo -E bash - && sudo apt-get install -y nodejs',
    macos: 'brew install node@22',
  },
  java: {
    least: [17],
    title: 'Java >= 17',
    debian: 'sudo apt-get install -y openjdk-17-jre-headless',
    macos: 'brew install openjdk@17',
  },
  maven: {
    least: [3, 6],
    title: 'Maven >= 3.6',
    debian: 'sudo apt-get install -y maven',
    macos: 'brew install maven',
  },
};

/** Numbers of the first version in `text`, e.g. `openjdk version "17.0.15"` gives [17, 0, 15]; undefined without one. */
export function readVersion(text) {
  const found = /(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text);
  return found ? found.slice(1).map((part) => Number(part ?? 0)) : undefined;
}

/** Whether `version` is `least` or newer; both are lists of numbers, biggest first. */
export function isAtLeast(version, least) {
  for (const [index, wanted] of least.entries()) {
    const have = version[index] ?? 0;
    if (have !== wanted) return have > wanted;
  }
  return true;
}

function outputOf(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000 });
  return result.error || result.status !== 0 ? undefined : `${result.stderr}${result.stdout}`;
}

function versionOf(name) {
  if (name === 'node') return readVersion(process.versions.node);
  if (name === 'java') {
    const home = process.env.JAVA_HOME;
    const text = outputOf(home ? `${home}/bin/java` : 'java', ['-version']);
    return text && readVersion(/version "([^"]+)"/.exec(text)?.[1] ?? text);
  }
  const text = outputOf(process.env.MAVEN_CMD || 'mvn', ['-v']);
  return text && readVersion(/Maven ([\d.]+)/.exec(text)?.[1] ?? text);
}

/**
 * Sentences about every missing or too old tool among `names` (node, java, maven), each with the command that
 * installs it; empty when all are there. `find` gives the version of a tool, undefined when it is missing.
 */
export function missingPrerequisites(names, find = versionOf, platform = process.platform) {
  return names.flatMap((name) => {
    const tool = TOOLS[name];
    const version = find(name);
    if (version && isAtLeast(version, tool.least)) return [];
    const state = version ? `found ${version.join('.')}` : 'not found';
    const commands =
      platform === 'darwin'
        ? [`  macOS:          ${tool.macos}`]
        : [`  Debian, Ubuntu: ${tool.debian}`, `  macOS:          ${tool.macos}`];
    return [[`${tool.title} is needed, ${state}. Install it with`, ...commands].join('\n')];
  });
}
