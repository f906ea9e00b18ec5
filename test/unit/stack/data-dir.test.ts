// What a data directory remembers, and that one command works in it at a time.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { configSchema } from '../../../params/schema.ts';
import { PipelineError } from '../../../pipeline/errors.ts';
import { exclusively, openState, readState } from '../../../stack/data-dir.ts';
import { allNodes, configOf, endpointsOf, needed } from '../../../stack/layout.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'data-dir-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function refusal(work: Promise<unknown>): Promise<PipelineError> {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof PipelineError);
  return error;
}

test('ports, size and hive properties of the first start are kept', async () => {
  const first = await openState(directory, {
    ports: 'free',
    brokers: 3,
    dataNodes: 2,
    hiveSite: { 'hive.server2.authentication': 'NOSASL' },
  });
  assert.deepEqual(await openState(directory, { ports: 'default' }), first);
  const grown = await openState(directory, { ports: 'free', dataNodes: 3 });
  assert.deepEqual(grown, { ...first, dataNodes: 3 });
});

test('another number of brokers is refused, because the voters of a cluster cannot change', async () => {
  await openState(directory, { ports: 'free' });
  const error = await refusal(openState(directory, { ports: 'free', brokers: 3 }));
  assert.equal(error.code, 'USAGE');
  assert.match(error.hint ?? '', /stack wipe/);
});

test('a directory of another version, and one that is damaged, ask for a wipe', async () => {
  for (const content of ['{"version":0}', '{"version":']) {
    writeFileSync(join(directory, 'stack.json'), content);
    const error = await refusal(readState(directory));
    assert.equal(error.code, 'STACK_DATA_VERSION');
    assert.match(error.hint ?? '', /stack wipe/);
  }
});

test('a second command in the same directory is told who is at work', async () => {
  await exclusively(directory, async () => {
    const error = await refusal(exclusively(directory, async () => {}));
    assert.match(error.message, new RegExp(`pid ${process.pid}`));
  });
  assert.equal(await exclusively(directory, async () => 'free again'), 'free again');
});

test('the lock of a process that died is taken over', async () => {
  writeFileSync(join(directory, 'lock'), '{"pid":4194305,"began":"1"}');
  assert.equal(await exclusively(directory, async () => 'taken'), 'taken');
  assert.ok(!existsSync(join(directory, 'lock')));
});

test('the lock is given back when the work fails', async () => {
  await assert.rejects(
    exclusively(directory, () => Promise.reject(new Error('broke'))),
    /broke/,
  );
  assert.equal(await exclusively(directory, async () => 'free again'), 'free again');
});

test('the config.json of a stack is one that this program accepts', async () => {
  const state = await openState(directory, { ports: 'free', brokers: 3 });
  const config = configSchema.parse(configOf(endpointsOf(state)));
  assert.equal(config.kafka.brokers.length, 3);
  assert.equal(config.hive.port, state.ports.hive);
});

test('HiveServer2 brings HDFS along, Kafka stands alone', () => {
  assert.deepEqual(needed(['hive']), ['hdfs', 'hive']);
  assert.deepEqual(needed(['kafka']), ['kafka']);
});

test('no two nodes of the largest stack share a port or a log', async () => {
  const state = await openState(directory, { ports: 'default', brokers: 3, dataNodes: 3 });
  const nodes = allNodes(directory, state);
  const ports = nodes.flatMap((node) => node.ports);
  assert.equal(new Set(ports).size, ports.length);
  assert.equal(new Set(nodes.map((node) => node.process.name)).size, 8);
});
