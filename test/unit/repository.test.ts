// The house rules that no linter checks: sizes, directions between folders, what tracked files may not name.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const LINES_MAX = 300;
const SOURCE_FOLDERS =
  /^(pipeline|clients|producer|consumer|params|monitor|report|stack|cli|scripts|test|bench)\//;
const TEXT = /\.(ts|mjs|json|md|txt|xml|yml|yaml|svg|sh|npmrc)$|^[^.]+$/;

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (file: string) => readFileSync(join(root, file), 'utf8');

/** Tracked files and new ones that git does not ignore, as the next commit may hold them. */
const files = execFileSync(
  'git',
  ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
  { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
)
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const sources = files.filter((file) => file.endsWith('.ts') && SOURCE_FOLDERS.test(file));

/** What `file` imports: packages as they are named, our files relative to the root. */
function importsOf(file: string): string[] {
  const found = read(file).matchAll(
    /^(?:import|export)\s+(?:[\w*{][^;'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
  );
  return [...found].map(([, first, second]) => {
    const name = first ?? second ?? '';
    return name.startsWith('.') ? normalize(join(dirname(file), name)) : name;
  });
}

const importing = (from: RegExp, what: RegExp) =>
  sources
    .filter((file) => from.test(file))
    .flatMap((file) =>
      importsOf(file)
        .filter((name) => what.test(name))
        .map((name) => `${file} imports ${name}`),
    );

/** Lines of text files that match, as file:line. This file names what it looks for and is left out. */
function places(matches: (line: string) => boolean): string[] {
  return files
    .filter((file) => TEXT.test(file) && file !== 'test/unit/repository.test.ts')
    .flatMap((file) =>
      read(file)
        .split('\n')
        .flatMap((line, index) => (matches(line) ? [`${file}:${index + 1}`] : [])),
    );
}

test('the files of the repository are found', () => {
  assert.ok(sources.length > 20, `${sources.length} sources`);
  assert.ok(importsOf('pipeline/batch.ts').includes('pipeline/clock.ts'));
});

test('requirements-node.txt lists the dependencies of package.json', () => {
  const { dependencies } = JSON.parse(read('package.json')) as {
    dependencies: Record<string, string>;
  };
  const wanted = Object.entries(dependencies).map(([name, version]) => `${name}==${version}`);
  assert.deepEqual(read('requirements-node.txt').trimEnd().split('\n'), wanted);
});

test('every dependency is pinned to one version', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const all = { ...manifest['dependencies'], ...manifest['devDependencies'] };
  const loose = Object.entries(all).filter(
    ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version),
  );
  assert.deepEqual(loose, []);
});

test('the lock names the packages of every platform, so that `npm ci` works on each', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
    ),
  );
  assert.deepEqual(missing, []);
});

test(`no source file has more than ${LINES_MAX} lines`, () => {
  const long = sources.filter((file) => read(file).trimEnd().split('\n').length > LINES_MAX);
  assert.deepEqual(long, []);
});

test('every source file says in its first line what it is for', () => {
  const silent = sources.filter((file) => !/^(#!.*\n)?(\/\/|\/\*\*?) ?\S/.test(read(file)));
  assert.deepEqual(silent, []);
});

test('producer/ and consumer/ never import each other', () => {
  assert.deepEqual(importing(/^producer\//, /^consumer\//), []);
  assert.deepEqual(importing(/^consumer\//, /^producer\//), []);
});

test('pipeline/ imports nothing of ours and no package', () => {
  assert.deepEqual(importing(/^pipeline\//, /^(?!node:|pipeline\/)/), []);
});

test('only clients/ imports a vendor client', () => {
  const vendors = /^(kafkajs|hive-driver|twitter-api-v2|@duckdb\/|node-json-db)/;
  const outside = /^(pipeline|producer|consumer|params|monitor|report|stack|cli)\//;
  assert.deepEqual(importing(outside, vendors), []);
});

test('no file imports itself by way of others', () => {
  const imports = new Map(
    sources.map((file) => [file, importsOf(file).filter((name) => sources.includes(name))]),
  );
  const done = new Set<string>();
  const circles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      circles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      return;
    }
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) walk(next, [...path, file]);
    done.add(file);
  };
  for (const file of sources) walk(file, []);
  assert.deepEqual(circles, []);
});

test('no tracked file names a directory of this machine', () => {
  const here = [root, homedir()].filter((path) => path.length > 1).map((path) => `${path}/`);
  const home = /(^|[\s'"`=(])\/(home|root|work|Users|builds)\/\w/;
  assert.deepEqual(
    places((line) => home.test(line) || here.some((path) => line.includes(path))),
    [],
  );
});

test('no tracked file names a registry', () => {
  const registry = /registry\s*=|"resolved":|registry\.npmjs|npmmirror|artifactory|\bnexus\b/i;
  assert.deepEqual(
    places((line) => registry.test(line)),
    [],
  );
});

test('no folder is called utils, common, helpers or types', () => {
  assert.deepEqual(
    files.filter((file) => /(^|\/)(utils|common|helpers|types)\//.test(file)),
    [],
  );
});
