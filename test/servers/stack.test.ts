// The local stack itself, in data directories of its own: what starts, what a crash leaves behind, what is refused.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isCode, Stopping } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { readState } from '../../stack/data-dir.ts';
import { hiveAnswers } from '../../stack/hive-probe.ts';
import { answersApiVersions } from '../../stack/kafka.ts';
import { down, startOne, status, type UpOptions, up, wipe } from '../../stack/launch.ts';
import { findProcess, isAlive } from '../../stack/process.ts';
import { killNode, nodePid, signalNode } from '../../stack/run.ts';
import { runSql } from '../../stack/sqlline.ts';
import { eventually } from '../support/eventually.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const root = mkdtempSync(join(tmpdir(), 'stack-'));
const log = silentLog;

const options = (name: string, more: Partial<UpOptions> = {}): UpOptions => ({
  dataDir: join(root, name),
  services: ['kafka'],
  ports: 'free',
  log,
  signal: new AbortController().signal,
  ...more,
});

const serving = async (dataDir: string) =>
  (await status({ dataDir })).filter((node) => node.serves).map((node) => node.node);

after(() => rmSync(root, { recursive: true, force: true }));

describe('three brokers', () => {
  const cluster = options('cluster', { brokers: 3 });
  const { dataDir } = cluster;
  before(async () => {
    await up(cluster);
  });
  after(() => wipe({ dataDir, log }));

  test('serve, and are listed in the endpoints and in a config.json', async () => {
    assert.deepEqual(await serving(dataDir), ['broker 1', 'broker 2', 'broker 3']);
    const read = (file: string) => JSON.parse(readFileSync(join(dataDir, file), 'utf8'));
    const { brokers } = read('endpoints.json').kafka;
    assert.equal(brokers.length, 3);
    assert.deepEqual(read('config.json').kafka.brokers, brokers);
  });

  test('a second up starts nothing', async () => {
    const pids = () => [1, 2, 3].map((id) => nodePid(dataDir, `broker ${id}`));
    const before = pids();
    await up(cluster);
    assert.deepEqual(pids(), before);
  });

  test('after a crash of one, up starts that one on its old port', async () => {
    const survivor = nodePid(dataDir, 'broker 1');
    await killNode(dataDir, 'broker 2');
    assert.deepEqual(await serving(dataDir), ['broker 1', 'broker 3']);
    await up(cluster);
    assert.deepEqual(await serving(dataDir), ['broker 1', 'broker 2', 'broker 3']);
    assert.equal(nodePid(dataDir, 'broker 1'), survivor);
  });

  test('a paused one does not serve, and serves when it goes on', async () => {
    signalNode(dataDir, 'broker 3', 'SIGSTOP');
    assert.ok(!(await serving(dataDir)).includes('broker 3'));
    signalNode(dataDir, 'broker 3', 'SIGCONT');
    await eventually(async () => assert.ok((await serving(dataDir)).includes('broker 3')));
  });

  test('down after a crash ends the others and forgets all of them; the data comes up again', async () => {
    await killNode(dataDir, 'broker 1');
    const running = [2, 3].map((id) => findProcess(dataDir, `broker-${id}`));
    await down({ dataDir, log });
    assert.deepEqual(
      running.map((each) => each && isAlive(each)),
      [false, false],
    );
    assert.deepEqual(readdirSync(join(dataDir, 'run')), []);
    await down({ dataDir, log });
    await up(cluster);
    assert.deepEqual(await serving(dataDir), ['broker 1', 'broker 2', 'broker 3']);
  });

  test('a node that does not exist is refused with the names of those that do', async () => {
    await assert.rejects(startOne(cluster, 'broker 4'), (error) => {
      assert.ok(isCode(error, 'USAGE'));
      assert.match(error.hint ?? '', /broker 1, broker 2, broker 3, namenode, datanode 1, hive/);
      return true;
    });
  });
});

test('a port in use is named before anything is started', async () => {
  const taken = options('taken');
  await up(taken);
  await down({ dataDir: taken.dataDir, log });
  const port = (await readState(taken.dataDir))?.ports.brokers[0] ?? 0;
  const squatter = createServer().listen(port, '127.0.0.1');
  try {
    await assert.rejects(up(taken), (error) => {
      assert.ok(isCode(error, 'STACK_PORT_TAKEN'));
      assert.match(error.message, new RegExp(`port ${port} .*broker 1.*pid ${process.pid}`));
      return true;
    });
    assert.equal(nodePid(taken.dataDir, 'broker 1'), undefined);
  } finally {
    squatter.close();
    await wipe({ dataDir: taken.dataDir, log });
  }
});

test('a broker that cannot start is an error at once, with the end of its log', async () => {
  const broken = options('broken');
  await up(broken);
  await down({ dataDir: broken.dataDir, log });
  writeFileSync(join(broken.dataDir, 'kafka/broker-1/data/meta.properties'), 'version=99\n');
  await assert.rejects(up(broken), (error) => {
    assert.ok(isCode(error, 'STACK_START_FAILED'));
    assert.match(error.message, /broker 1 ended while starting; the end of its log:\n/);
    assert.match(error.message, /meta\.properties|version/i);
    return true;
  });
  assert.equal(nodePid(broken.dataDir, 'broker 1'), undefined);
  await wipe({ dataDir: broken.dataDir, log });
});

test('aborting a start stops what it had started, and the next start succeeds', async () => {
  const controller = new AbortController();
  const cut = options('cut', { signal: controller.signal });
  const starting = up(cut).then(
    () => assert.fail('it came up'),
    (error: unknown) => error,
  );
  const broker = await eventually(() => {
    const found = findProcess(cut.dataDir, 'broker-1');
    assert.ok(found);
    return found;
  });
  controller.abort(new Stopping('SIGINT'));
  assert.ok((await starting) instanceof Stopping);
  assert.ok(!isAlive(broker));
  const { kafka } = await up(options('cut'));
  assert.ok(await answersApiVersions(Number(kafka.brokers[0]?.split(':')[1])));
  await wipe({ dataDir: cut.dataDir, log });
});

test('a data directory of an older version is refused, and wipe clears it', async () => {
  const old = options('old');
  await up(old);
  await down({ dataDir: old.dataDir, log });
  writeFileSync(join(old.dataDir, 'stack.json'), '{"version":0}');
  await assert.rejects(up(old), { code: 'STACK_DATA_VERSION' });
  await wipe({ dataDir: old.dataDir, log });
  assert.ok(!existsSync(old.dataDir));
});

test('wipe does not delete a directory that is none of ours', async () => {
  writeFileSync(join(root, 'precious'), 'text');
  await assert.rejects(wipe({ dataDir: root, log }), { code: 'USAGE' });
  assert.ok(existsSync(join(root, 'precious')));
});

describe('HiveServer2 and HDFS', () => {
  const hive = options('hive', {
    services: ['hive'],
    dataNodes: 2,
    hiveSite: { 'hive.server2.authentication': 'NOSASL' },
  });
  const { dataDir } = hive;
  after(() => wipe({ dataDir, log }));

  test('start with properties of the caller and come up again after a crash', async () => {
    const endpoints = await up(hive);
    assert.deepEqual(await serving(dataDir), ['namenode', 'datanode 1', 'datanode 2', 'hive']);
    const { port } = endpoints.hive;
    const probe = { port, tls: false, transport: 'binary' } as const;
    assert.ok(await hiveAnswers({ ...probe, authentication: 'NOSASL' }));
    assert.ok(!(await hiveAnswers({ ...probe, authentication: 'NONE' }, 3000)));
    for (const name of ['hive', 'namenode', 'datanode 2']) await killNode(dataDir, name);
    await up(options('hive', { services: ['hive'] }));
    assert.deepEqual(await serving(dataDir), ['namenode', 'datanode 1', 'datanode 2', 'hive']);
    assert.ok(await hiveAnswers({ ...probe, authentication: 'NOSASL' }));
  });
});

test("Apache's own driver writes and reads a table on HDFS", async () => {
  const database = uniqueName('stack');
  const { hive } = stackEndpoints();
  const signal = new AbortController().signal;
  const sql = (statement: string) => runSql(statement, { hive, format: 'json', log, signal });
  await sql(`CREATE DATABASE ${database}`);
  try {
    await sql(`CREATE EXTERNAL TABLE ${database}.t (id bigint, text string) STORED AS PARQUET`);
    await sql(`INSERT INTO ${database}.t VALUES (9007199254740993, 'é😀; "quoted"')`);
    const { resultset } = JSON.parse(
      await sql(`SELECT count(*) AS n, max(id) AS id, max(text) AS t FROM ${database}.t`),
    );
    assert.equal(resultset[0].t, 'é😀; "quoted"');
    assert.equal(resultset[0].n, 1);
    await assert.rejects(sql(`SELECT * FROM ${database}.nothing`), (error) => {
      assert.ok(isCode(error, 'HIVE_REJECTED'));
      assert.match(error.message, /Table not found/);
      return true;
    });
  } finally {
    await sql(`DROP DATABASE ${database} CASCADE`);
  }
});

test('a HiveServer2 that is not there is unavailable, not a refusal', async () => {
  const signal = new AbortController().signal;
  const nowhere = { hive: { host: '127.0.0.1', port: 1 }, format: 'csv' as const, log, signal };
  await assert.rejects(runSql('SELECT 1', nowhere), { code: 'HIVE_UNAVAILABLE' });
});
