// Writes requirements-node.txt, the list of packages the product runs on, from package.json. `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const file = join(root, 'requirements-node.txt');
const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
);
const text = `${Object.entries(dependencies)
  .map(([name, version]) => `${name}==${version}`)
  .join('\n')}\n`;

if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(
    'requirements-node.txt is not what package.json says: npm run requirements\n',
  );
  process.exitCode = 1;
}
