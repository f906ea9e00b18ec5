// What a person sees when something outside is wrong: one clear line and a hint within 15 s, the exit code of its family,
// no stack trace. Each case runs the command line in a process of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ADMIN, SecuredKafka, USER } from '../support/secured-kafka.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import { posts, World } from '../support/world.ts';

const MAIN = join(import.meta.dirname, '../../cli/main.ts');
const WITHIN_MS = 15_000;
const topic = uniqueName('posts');

let world: World;
let blackHole: Server;
const secured = new SecuredKafka();

before(async () => {
  await secured.start();
  world = await World.open(testSettings());
  await world.createTopic(topic, 1);
  await world.send(topic, posts(3, 1));
  blackHole = createServer(() => {}).listen(0, '127.0.0.1');
  await once(blackHole, 'listening');
});
after(async () => {
  blackHole.close();
  await world.close();
  await secured.stop();
});

interface Ended {
  readonly code: number;
  readonly stderr: string;
  readonly ms: number;
}

type Json = Record<string, unknown>;

/** Runs consumer-from-position on the stack with `params` and `config` laid over what works. */
async function consume(
  given: { params?: Json | string; config?: Json },
  env: Json = {},
): Promise<Ended> {
  const directory = stateDirectory();
  const { kafka, hdfs, hive } = stackEndpoints();
  const paramsFile = join(directory, 'params.json');
  const configFile = join(directory, 'config.json');
  const params = {
    topic,
    table: { name: uniqueName('t') },
    consumer: { group: uniqueName('g') },
    positions: { file: join(directory, 'positions.json') },
  };
  writeFileSync(
    paramsFile,
    typeof given.params === 'string'
      ? given.params
      : JSON.stringify({ ...params, ...given.params }),
  );
  writeFileSync(
    configFile,
    JSON.stringify({ kafka, hive, hdfs: { nameNodes: hdfs.nameNodes }, ...given.config }),
  );
  const files = ['--params', paramsFile, '--config', configFile, '--log-level', 'error'];
  const args = ['--import', 'tsx', MAIN, 'consumer-from-position', '--until-end', ...files];
  const began = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...(env as NodeJS.ProcessEnv) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stderr, ms: performance.now() - began };
}

/** One error line that matches, one hint, nothing else; the exit code of its family; in time. */
function assertClear({ code, stderr, ms }: Ended, exit: number, says: RegExp): void {
  const lines = stderr.trim().split('\n');
  assert.match(lines[0] ?? '', /^error [A-Z_]+: /, stderr);
  assert.match(lines[0] ?? '', says);
  assert.match(lines[1] ?? '', /^ {2}hint: /, stderr);
  assert.equal(lines.length, 2, stderr);
  assert.equal(code, exit, stderr);
  assert.ok(ms < WITHIN_MS, `took ${Math.round(ms)} ms`);
}

test('a Kafka port nobody listens on is an unavailable service', async () => {
  const ended = await consume({ config: { kafka: { brokers: ['127.0.0.1:1'] } } });
  assertClear(ended, 3, /KAFKA_UNAVAILABLE.*127\.0\.0\.1:1/);
});

test('an unknown Kafka host is an unavailable service', async () => {
  const ended = await consume({ config: { kafka: { brokers: ['no-such-host.invalid:9092'] } } });
  assertClear(ended, 3, /KAFKA_UNAVAILABLE.*no-such-host\.invalid:9092/);
});

test('a HiveServer2 port nobody listens on is an unavailable service', async () => {
  const ended = await consume({ config: { hive: { host: '127.0.0.1', port: 1 } } });
  assertClear(ended, 3, /HIVE_UNAVAILABLE.*127\.0\.0\.1:1/);
});

test('a HiveServer2 that accepts and never answers is an unavailable service', async () => {
  const { port } = blackHole.address() as AddressInfo;
  const ended = await consume({ config: { hive: { host: '127.0.0.1', port } } });
  assertClear(ended, 3, new RegExp(`HIVE_UNAVAILABLE.*127\\.0\\.0\\.1:${port}`));
});

test('a NameNode nobody listens on is an unavailable service', async () => {
  const ended = await consume({ config: { hdfs: { nameNodes: ['http://127.0.0.1:1'] } } });
  assertClear(ended, 3, /HDFS_UNAVAILABLE.*127\.0\.0\.1:1/);
});

test('a wrong Kafka password is refused', async () => {
  const kafka = secured.config(USER);
  const sasl = { ...kafka.sasl, password: 'wrong-canary' };
  const ended = await consume({
    config: { kafka: { brokers: kafka.brokers, tls: kafka.tls, sasl } },
  });
  assertClear(ended, 4, /KAFKA_REJECTED/);
  assert.doesNotMatch(ended.stderr, /canary/);
});

test('a topic without rights is refused and named', async () => {
  const kafka = secured.config(USER);
  const sasl = { ...kafka.sasl, password: USER.password };
  const params = { topic: 'secret.topic' };
  const ended = await consume({
    params,
    config: { kafka: { brokers: kafka.brokers, tls: kafka.tls, sasl } },
  });
  assertClear(ended, 4, /KAFKA_REJECTED.*secret\.topic/);
});

test('a broker certificate of an unknown authority is refused', async () => {
  const kafka = secured.config(ADMIN);
  const sasl = { ...kafka.sasl, password: ADMIN.password };
  const tls = { ca: secured.otherCa };
  const ended = await consume({ config: { kafka: { brokers: kafka.brokers, tls, sasl } } });
  assertClear(ended, 4, /KAFKA_TLS/);
});

test('a topic that does not exist is named', async () => {
  assertClear(
    await consume({ params: { topic: 'nobody.made.it' } }),
    4,
    /KAFKA_REJECTED.*nobody\.made\.it/,
  );
});

test('a view in place of the table is refused and named', async () => {
  const name = uniqueName('v');
  await world.hive.execute(`CREATE VIEW \`default\`.\`${name}\` AS SELECT 1 AS id`, world.signal);
  assertClear(
    await consume({ params: { table: { name } } }),
    4,
    new RegExp(`HIVE_TABLE_MISMATCH.*${name}`),
  );
});

test('a column of another type is refused, with both types', async () => {
  const name = uniqueName('t');
  const sql = `CREATE EXTERNAL TABLE \`default\`.\`${name}\` (id array<int>) PARTITIONED BY (dt string) STORED AS PARQUET`;
  await world.hive.execute(sql, world.signal);
  const ended = await consume({ params: { table: { name } } });
  assertClear(ended, 4, /HIVE_TABLE_MISMATCH.*\bid\b.*array<int>/);
});

test('a state directory that cannot be written is named', async () => {
  const directory = stateDirectory();
  const inTheWay = join(directory, 'state');
  writeFileSync(inTheWay, 'a file, not a directory');
  const file = join(inTheWay, 'positions.json');
  assertClear(await consume({ params: { positions: { file } } }), 5, /POSITION_UNWRITABLE.*state/);
});

test('a directory in place of the position file is named', async () => {
  const file = join(stateDirectory(), 'positions.json');
  mkdirSync(file);
  assertClear(
    await consume({ params: { positions: { file } } }),
    5,
    /POSITION_(CORRUPT|UNWRITABLE).*positions\.json/,
  );
});

test('K02: everything wrong in the params is said at once, each with its place, before anything connects', async () => {
  const ended = await consume({
    params: '{\n  "topic": "posts",\n  "bach": {},\n  "batch": { "size": 0 }\n}',
  });
  assert.equal(ended.code, 2, ended.stderr);
  assert.match(ended.stderr, /params\.json:3:\d+ bach/);
  assert.match(ended.stderr, /params\.json:4:\d+ batch\.size/);
  assert.doesNotMatch(ended.stderr, /\n\s+at /);
  assert.ok(ended.ms < WITHIN_MS);
});
