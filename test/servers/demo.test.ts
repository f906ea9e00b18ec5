// The demo itself, on the servers of this test run.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stackEndpoints } from '../support/stack.ts';

stackEndpoints();
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Starts `npm run demo` without npm, with a folder for temporary files of its own. */
function startDemo(t: TestContext, args: readonly string[]) {
  const temporary = mkdtempSync(join(tmpdir(), 'kafka-hive-demo-test-'));
  const child = spawn(process.execPath, ['scripts/bootstrap.mjs', 'scripts/demo.ts', ...args], {
    cwd: root,
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(temporary, { recursive: true, force: true });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  return { child, ended: once(child, 'close'), output: () => output, temporary };
}

/** Folders of a demo that are still there. */
const left = (temporary: string) =>
  readdirSync(temporary).filter((name) => name.startsWith('kafka-hive-demo-'));

test('the demo accounts for every post after a SIGKILL, and leaves nothing behind', async (t) => {
  const demo = startDemo(t, ['--posts', '400']);
  const [code] = await demo.ended;
  assert.equal(code, 0, demo.output());
  assert.match(demo.output(), /killed with SIGKILL, batches placed: \d+/);
  assert.match(demo.output(), /produced \(acknowledged by Kafka\) +403 +400\n/);
  assert.match(demo.output(), /= written \(rows in Hive\) +400 +400\n/);
  assert.match(demo.output(), /\+ dead-lettered +3 +0\n/);
  assert.match(demo.output(), /missing +0 +0\n/);
  assert.match(demo.output(), /doubled +0 +0\n/);
  assert.deepEqual(left(demo.temporary), []);
});

test('the demo takes the posts of a file and leaves out those without the hashtag', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-hive-posts-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'posts.ndjson');
  const lines = ['one #rail', 'none', 'two #RAIL 🚆'].map((text, index) =>
    JSON.stringify({ id: `${index}`, text }),
  );
  writeFileSync(file, lines.join('\n'));
  const demo = startDemo(t, ['--input', file, '--hashtag', '#rail']);
  const [code] = await demo.ended;
  assert.equal(code, 0, demo.output());
  assert.match(demo.output(), /Kafka acknowledged 2 posts/);
  assert.match(demo.output(), /= written \(rows in Hive\) +2 +2\n/);
  assert.match(demo.output(), /two #RAIL 🚆/);
});

const noProc = !existsSync('/proc/self/stat') && 'the children of a process are looked up in /proc';

test('Ctrl-C in the middle of the demo leaves no process and no folder', {
  skip: noProc,
}, async (t) => {
  const demo = startDemo(t, ['--posts', '400']);
  while (!demo.output().includes('The producer streams')) {
    assert.equal(demo.child.exitCode, null, demo.output());
    await Promise.race([once(demo.child.stdout, 'data'), demo.ended]);
  }
  const commands = commandsOf(demo.child.pid ?? 0);
  assert.notDeepEqual(commands, []);
  demo.child.kill('SIGINT');
  const [code] = await demo.ended;
  assert.equal(code, 130, demo.output());
  assert.deepEqual(left(demo.temporary), []);
  assert.deepEqual(
    commands.filter((pid) => existsSync(`/proc/${pid}`)),
    [],
  );
});

/** Process ids of the commands of ours that `pid` has started. */
function commandsOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((other) => {
      try {
        const stat = readFileSync(`/proc/${other}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return (
          parent === pid && readFileSync(`/proc/${other}/cmdline`, 'utf8').includes('cli/main.ts')
        );
      } catch {
        // It has ended while we looked.
        return false;
      }
    });
}
