// Runs a TypeScript file of this project right after `git clone`: names what the machine lacks, installs the npm
// packages when they are not what package-lock.json says, then runs the file in this very process.
//   node scripts/bootstrap.mjs [--stack] <file.ts> [arguments]     --stack: Java and Maven are needed too
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { install } from './install.mjs';
import { missingPrerequisites } from './prerequisites.mjs';

const EXIT_STACK = 6;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (line) => process.stderr.write(`${line}\n`);

const args = process.argv.slice(2);
const needsStack = args[0] === '--stack';
if (needsStack) args.shift();
const [file = '', ...rest] = args;

const missing = missingPrerequisites(needsStack ? ['node', 'java', 'maven'] : ['node']);
if (missing.length > 0) {
  say(missing.join('\n'));
  process.exit(EXIT_STACK);
}

const exit = await install(root, say);
if (exit !== 0) process.exit(exit);

const script = resolve(root, file);
const { register } = await import('tsx/esm/api');
register();
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0], script, ...rest];
await import(pathToFileURL(script).href);
