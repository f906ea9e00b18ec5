// `npm run build`: compiles the sources to dist/, which keeps their tree, and copies what they read besides code.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const { include }: { include: string[] } = JSON.parse(
  readFileSync(join(root, 'tsconfig.build.json'), 'utf8'),
);

rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
  { cwd: root, stdio: 'inherit' },
);
for (const folder of include)
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /\.(ts|md)$/.test(entry.name)) continue;
    const from = join(entry.parentPath, entry.name);
    const to = join(dist, from.slice(root.length));
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(from, to);
  }
