// Called by npm after an installation: marks it complete and turns on the git hooks of scripts/hooks. Does nothing
// of the latter in CI or outside a git checkout (an unpacked archive, a dependency of something else).
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { markInstalled } from './install.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const command = process.env.npm_command;
if ((command === 'ci' || command === 'install') && existsSync(join(root, 'package-lock.json')))
  markInstalled(root);
if (!process.env.CI && existsSync(join(root, '.git')))
  spawnSync('git', ['config', 'core.hooksPath', 'scripts/hooks'], { cwd: root });
