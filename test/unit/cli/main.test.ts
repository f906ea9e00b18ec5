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

function start(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...args], {
    cwd: workingDirectory(t),
    env: { PATH: process.env['PATH'], ...env },
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
  const closed = once(child, 'close');
  // A child that ends before it connects says why below.
  await Promise.race([met, closed]);
  child.kill('SIGINT');
  const [code] = await closed;
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

test('a service that is away ends the command with 3, one line and a hint; no password shows, not even at debug', async (t) => {
  const password = 'canary-7f3a9';
  const child = start(
    t,
    ['verify', '--brokers', '127.0.0.1:1', '--set', 'limits.startMs=1000', '--log-level', 'debug'],
    {
      KH_KAFKA__SASL__MECHANISM: 'plain',
      KH_KAFKA__SASL__USERNAME: 'user',
      KH_KAFKA__SASL__PASSWORD: password,
    },
  );
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      printed += chunk;
    });
  }
  const [code] = await once(child, 'close');
  assert.equal(code, 3, printed);
  assert.match(printed, /^error KAFKA_UNAVAILABLE: .*127\.0\.0\.1:1.*\n {2}hint: /m);
  assert.match(printed, /without kafka\.tls, user and password travel/);
  const login = Buffer.from(`user:${password}`).toString('base64');
  for (const form of [password, Buffer.from(password).toString('base64'), login]) {
    assert.ok(!printed.includes(form), 'the password shows');
  }
});
