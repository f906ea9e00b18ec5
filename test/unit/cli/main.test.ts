// The program as a process: its streams, its signals, its exit codes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { workingDirectory } from './command-line.ts';

const MAIN = fileURLToPath(new URL('../../../cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

function start(t: TestContext, args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...args], {
    cwd: workingDirectory(t),
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

/** A server that takes connections and never answers; resolves `met` with the first. */
async function silentServer(t: TestContext) {
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => {});
  });
  const met = once(server, 'connection');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return { broker: `127.0.0.1:${port}`, met };
}

test('the first Ctrl-C ends a command that waits for a server, with exit 0 and no error', async (t) => {
  const { broker, met } = await silentServer(t);
  const child = start(t, ['consumer', '--brokers', broker, '--log-format', 'json']);
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  await met;
  child.kill('SIGINT');
  const [code] = await once(child, 'close');
  assert.deepEqual([code, stderr.includes('error ')], [0, false], stderr);
  for (const line of stderr.trimEnd().split('\n')) assert.ok(JSON.parse(line).message, line);
  assert.match(stderr, /SIGINT: finishing the open batch; once more to leave at once/);
});

test('a reader of standard output that has enough is no error', async (t) => {
  const child = start(t, ['config', 'print', '--json']);
  child.stdout?.destroy();
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  assert.deepEqual([code, stderr], [0, '']);
});

test('a log that nobody reads any more does not end a command', async (t) => {
  const child = start(t, ['config', 'check', '--set', 'batch.size=0']);
  child.stderr?.destroy();
  const [code] = await once(child, 'close');
  assert.equal(code, 2);
});
