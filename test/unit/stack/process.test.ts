// Detached programs: found again, never mistaken, stopped for sure. And a node that dies while it starts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PipelineError, Stopping } from '../../../pipeline/errors.ts';
import { silentLog } from '../../../pipeline/log.ts';
import { runOnce } from '../../../stack/java.ts';
import type { StackNode } from '../../../stack/node.ts';
import { isFree } from '../../../stack/ports.ts';
import {
  findProcess,
  isAlive,
  logTail,
  processBegan,
  signalProcess,
  startProcess,
  stopProcess,
} from '../../../stack/process.ts';
import {
  killNode,
  nodePid,
  signalNode,
  startNode,
  stopByName,
  stopNode,
} from '../../../stack/run.ts';
import { eventually } from '../../support/eventually.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'process-'));
  mkdirSync(join(directory, 'run'));
  mkdirSync(join(directory, 'log'));
});
afterEach(async () => {
  for (const name of ['one', 'broker-1']) await stopByName(directory, name);
  rmSync(directory, { recursive: true });
});

const spec = (script: string, name = 'one') => ({
  name,
  command: process.execPath,
  args: ['-e', script],
  env: { STACK_TEST: 'given' },
  cwd: directory,
});
const FOR_EVER = 'setInterval(() => {}, 1000);';

const says = (words: RegExp, name = 'one') =>
  eventually(async () => assert.match((await logTail(directory, name, 5)).join('\n'), words));

test('a program is found again by its pid file until it ends', async () => {
  const started = startProcess(directory, spec(`console.log(process.env.STACK_TEST); ${FOR_EVER}`));
  await says(/given/);
  assert.equal(findProcess(directory, 'one')?.pid, started.pid);
  await stopProcess(started);
  assert.equal(findProcess(directory, 'one'), undefined);
});

test('a pid that another process has got since is not taken for ours', () => {
  const began = processBegan(process.pid);
  const note = (text: string) => writeFileSync(join(directory, 'run', 'one.pid'), text);
  note(JSON.stringify({ pid: process.pid, began }));
  assert.equal(findProcess(directory, 'one')?.pid, process.pid);
  note(JSON.stringify({ pid: process.pid, began: '1' }));
  assert.equal(findProcess(directory, 'one'), undefined);
  note('{"pid":');
  assert.equal(findProcess(directory, 'one'), undefined);
});

test('a program that ignores SIGTERM is killed when its time is over', async () => {
  const script = `process.on('SIGTERM', () => {}); console.log('deaf'); ${FOR_EVER}`;
  const started = startProcess(directory, spec(script));
  await says(/deaf/);
  await stopProcess(started, 100);
  assert.ok(!isAlive(started));
});

test('a program that was paused can be stopped', async () => {
  const started = startProcess(directory, spec(`console.log('up'); ${FOR_EVER}`, 'broker-1'));
  await says(/up/, 'broker-1');
  signalNode(directory, 'broker 1', 'SIGSTOP');
  await stopNode(directory, 'broker 1');
  assert.ok(!isAlive(started));
});

test('a killed node is gone when killNode returns, and a second kill is refused', async () => {
  startProcess(directory, spec(FOR_EVER, 'broker-1'));
  assert.notEqual(nodePid(directory, 'broker 1'), undefined);
  await killNode(directory, 'broker 1');
  assert.equal(nodePid(directory, 'broker 1'), undefined);
  await assert.rejects(killNode(directory, 'broker 1'), { code: 'USAGE' });
});

test('a killed program of many threads holds its port no more when it counts as gone', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  const script = `const { Worker } = require('node:worker_threads');
    for (let i = 0; i < 16; i += 1) new Worker('for (;;);', { eval: true });
    require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('listens'));`;
  const started = startProcess(directory, spec(script));
  await says(/listens/);
  signalProcess(started, 'SIGKILL');
  // Without a pause: its last threads need but a moment.
  while (isAlive(started));
  assert.ok(await isFree(port));
});

test('the log of the start before is kept', async () => {
  for (const word of ['first', 'second']) {
    const started = startProcess(directory, spec(`console.log('${word}')`));
    await eventually(() => assert.ok(!isAlive(started)));
  }
  assert.equal(readFileSync(join(directory, 'log', 'one.log.old'), 'utf8'), 'first\n');
  assert.deepEqual(await logTail(directory, 'one', 5), ['second']);
});

test('the tail of a long log is its last lines', async () => {
  const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line}`);
  writeFileSync(join(directory, 'log', 'one.log'), lines.join('\n'));
  assert.deepEqual(await logTail(directory, 'one', 2), ['line 19998', 'line 19999']);
  assert.deepEqual(await logTail(directory, 'none', 2), []);
});

test('a one-off program that fails is an error with the end of its log', async () => {
  const signal = new AbortController().signal;
  const failing = spec("console.error('no space left'); process.exit(3)");
  await assert.rejects(runOnce(directory, 'formatting', failing, signal), (error: unknown) => {
    assert.ok(error instanceof PipelineError);
    assert.equal(error.code, 'STACK_START_FAILED');
    assert.match(error.message, /formatting failed.*\n.*no space left/);
    return true;
  });
  await runOnce(directory, 'formatting', spec(''), signal);
});

const node = (script: string, missing: () => string | undefined): StackNode => ({
  name: 'broker 1',
  service: 'kafka',
  ports: [],
  process: spec(script, 'broker-1'),
  prepare: async () => {},
  missing: async () => missing(),
});

const hooks = (signal: AbortSignal) => ({
  log: silentLog,
  signal,
  onStarted: () => {},
  onMissing: () => {},
});

test('a node that dies while it starts ends the start at once, with its last 20 lines', async () => {
  const script = "for (let i = 1; i <= 30; i++) console.error('reason', i + '.'); process.exit(1)";
  const start = startNode(
    directory,
    node(script, () => 'everything'),
    hooks(new AbortController().signal),
  );
  await assert.rejects(start, (error: unknown) => {
    assert.ok(error instanceof PipelineError);
    assert.equal(error.code, 'STACK_START_FAILED');
    assert.match(error.message, /broker 1 ended while starting/);
    assert.ok(error.message.includes('reason 30.') && error.message.includes('reason 11.'));
    assert.ok(!error.message.includes('reason 10.'));
    return true;
  });
});

test('a command that cannot be executed is a failed start, not a crash of ours', async () => {
  const broken = node('', () => 'everything');
  const start = startNode(
    directory,
    { ...broken, process: { ...broken.process, command: join(directory, 'gone') } },
    hooks(new AbortController().signal),
  );
  await assert.rejects(start, { code: 'STACK_START_FAILED' });
});

test('a node that runs is waited for, not started again', async () => {
  const { pid } = startProcess(directory, spec(FOR_EVER, 'broker-1'));
  let asked = 0;
  const slow = node('process.exit(1)', () => (++asked < 3 ? 'a moment' : undefined));
  await startNode(directory, slow, hooks(new AbortController().signal));
  assert.equal(nodePid(directory, 'broker 1'), pid);
  assert.equal(asked, 3);
});

test('aborting ends the waiting with the reason of the abort', async () => {
  const controller = new AbortController();
  const waiting = startNode(
    directory,
    node(FOR_EVER, () => {
      controller.abort(new Stopping('SIGINT'));
      return 'everything';
    }),
    hooks(controller.signal),
  );
  await assert.rejects(waiting, (error: unknown) => error instanceof Stopping);
});
