// The runner of test files, run on files made for the purpose.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runFiles } from '../../../scripts/testing/run-files.ts';
import { eventually } from '../../support/eventually.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** A folder of test files, by name and body; gone after the test. */
function folderOf(t: TestContext, files: Record<string, string>): (name: string) => string {
  const folder = mkdtempSync(join(root, 'test/unit/scripts/made-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, body] of Object.entries(files))
    writeFileSync(join(folder, name), `import { test } from 'node:test';\n${body}\n`);
  return (name) => join(folder, name);
}

async function run(files: string[], options: { fileMsMax?: number; signal?: AbortSignal } = {}) {
  let output = '';
  const counts = await runFiles(files, {
    root,
    concurrency: 2,
    fileMsMax: options.fileMsMax ?? 60_000,
    env: process.env,
    write: (text) => {
      output += text;
    },
    signal: options.signal ?? new AbortController().signal,
  });
  return { counts, output };
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('tests of several files are counted, nested ones under the name of their suite', async (t) => {
  const at = folderOf(t, {
    'a.ts': `import { describe } from 'node:test';
      test('holds', () => {});
      test.skip('later', () => {});
      describe('group', () => { test('inner', () => { throw new Error('broke') }) });`,
    'b.ts': `test('outer', async (t) => { await t.test('part', () => {}); });`,
  });
  const { counts, output } = await run([at('a.ts'), at('b.ts')]);
  assert.equal(counts.passed, 3, output);
  assert.equal(counts.skipped, 1, output);
  assert.deepEqual(
    counts.failures.map(({ name }) => name),
    ['group › inner'],
  );
  assert.match(counts.failures[0]?.reason ?? '', /broke/);
  assert.match(output, /✔ holds/);
  assert.match(output, /✖ group › inner/);
});

test('a file that cannot be loaded is a failure, not an empty success', async (t) => {
  const at = folderOf(t, { 'a.ts': `import './does-not-exist.ts';` });
  const { counts } = await run([at('a.ts')]);
  assert.equal(counts.failures.length, 1);
});

test('a hung file is ended together with what it started, and named', async (t) => {
  const at = folderOf(t, {
    'a.ts': `import { spawn } from 'node:child_process';
      import { writeFileSync } from 'node:fs';
      test('never ends', () => new Promise(() => {
        const child = spawn('sleep', ['600']);
        writeFileSync(new URL('pid', import.meta.url), String(child.pid));
        setInterval(() => {}, 1000);
      }));`,
  });
  const { counts } = await run([at('a.ts')], { fileMsMax: 5000 });
  assert.match(counts.failures[0]?.reason ?? '', /no end after 5 s, in: never ends/);
  const pid = Number(readFileSync(at('pid'), 'utf8'));
  await eventually(() => assert.equal(isAlive(pid), false), 10_000);
});

test('after an abort no further file is started', async (t) => {
  const at = folderOf(t, { 'a.ts': `test('holds', () => {});` });
  const { counts } = await run([at('a.ts')], { signal: AbortSignal.abort() });
  assert.deepEqual(counts, { passed: 0, skipped: 0, failures: [] });
});
