// Every setting of the hdfs-consumer, by what its process does: each test fails when its setting is passed over.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openLocation } from '../../clients/files/location.ts';
import { runHdfsConsumer } from '../../consumer/hdfs-consumer.ts';
import { eventually } from '../support/eventually.ts';
import { never } from '../support/hive.ts';
import { scrape, total } from '../support/scraped.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import {
  hdfsConsumer,
  lineCounts,
  treeOf,
  weatherRecord,
  weatherRecords,
} from '../support/weather-topic.ts';
import { start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

async function topicWith(count: number, locations = ['FR/Paris']): Promise<string> {
  const topic = uniqueName('weather');
  await world.createTopic(topic, 1);
  await world.send(topic, weatherRecords(count, locations));
  return topic;
}

const flushes = (messages: readonly string[]) =>
  messages.flatMap((message) => /^Batch flush: (\d+) records/.exec(message)?.[1] ?? []);

test("the exercise's variables: brokers, group, base path, batch size, flush interval", async () => {
  const topic = await topicWith(12);
  const [directory, group] = [stateDirectory(), uniqueName('group')];
  const command = hdfsConsumer(['--topics', topic, '--monitoring'], {
    directory,
    env: {
      KH_KAFKA__BROKERS: '',
      KAFKA_BOOTSTRAP_SERVERS: stackEndpoints().kafka.brokers.join(),
      KAFKA_GROUP_ID: group,
      KAFKA_AUTO_OFFSET_RESET: 'earliest',
      HDFS_BASE_PATH: 'elsewhere',
      HDFS_BATCH_SIZE: '5',
      HDFS_FLUSH_INTERVAL: '1.5',
    },
  });
  const base = join(directory, 'elsewhere');
  // Ten by count; the last two by their age, long before the 30 seconds of the default.
  await eventually(
    () => assert.deepEqual(lineCounts(base), { 'FR/Paris/alerts.json': 12 }),
    25_000,
  );
  await eventually(() => assert.deepEqual(flushes(command.messages), ['5', '5', '2']));
  await eventually(async () => {
    const offsets = await world.admin.groupOffsets(group, topic);
    assert.equal(offsets.get(0)?.offset, 12n);
  });
  command.signal('SIGTERM');
  assert.equal(await command.ended(), 0, command.told);
});

test('the flags: several topics, what came before a latest start is left out, a stop writes what is held', async () => {
  const [directory, group] = [stateDirectory(), uniqueName('group')];
  const topics = [await topicWith(3, ['FR/Lyon']), await topicWith(3, ['DE/Köln'])];
  const command = hdfsConsumer(
    [
      ...['--topics', topics.join(), '--hdfs-path', './hdfs-data', '--group-id', group],
      ...['--batch-size', '4', '--offset-reset', 'latest'],
      ...['--kafka-servers', stackEndpoints().kafka.brokers.join(), '--log-level', 'INFO'],
    ],
    { directory, env: { KH_KAFKA__BROKERS: '127.0.0.1:1' } },
  );
  await eventually(() => assert.ok(command.messages.includes('partitions assigned'), command.told));
  const base = join(directory, 'hdfs-data');
  for (const topic of topics) await world.send(topic, weatherRecords(6, ['IT/Roma', 'AT/Wien']));
  const placed = () => command.messages.filter((message) => message === 'batch placed').length;
  await eventually(() => assert.equal(placed(), 2, command.told));
  assert.deepEqual(lineCounts(base), { 'AT/Wien/alerts.json': 4, 'IT/Roma/alerts.json': 4 });
  command.signal('SIGTERM');
  assert.equal(await command.ended(), 0, command.told);
  assert.deepEqual(lineCounts(base), { 'AT/Wien/alerts.json': 6, 'IT/Roma/alerts.json': 6 });
  assert.equal((await world.admin.groupOffsets(group, topics[0] ?? '')).get(0)?.offset, 9n);
});

test('--monitoring tells each flush and each --stats-interval; --metrics-port the same for Prometheus', async () => {
  const topic = await topicWith(9, ['FR/Paris', 'DE/Köln', 'JP/東京']);
  const command = hdfsConsumer([
    ...['--topics', topic, '--group-id', uniqueName('group'), '--flush-interval', '0.5'],
    ...['--monitoring', '--stats-interval', '1', '--metrics-port', '0'],
  ]);
  const summaries = () =>
    command.told
      .split('\n')
      .filter((line) => line.includes('Performance: '))
      .map((line) => JSON.parse(line));
  // Far sooner than the 30 and 60 seconds of the defaults.
  const summary = await eventually(() => {
    const found = summaries().find(({ messages }) => messages > 0);
    assert.ok(found, command.told);
    return found;
  }, 25_000);
  for (const told of [
    'Processed 3 messages, wrote to FR/Paris/',
    'Processed 3 messages, wrote to DE/Köln/',
    'Batch flush: 9 records to 3 locations',
  ]) {
    assert.ok(command.messages.includes(told), command.told);
  }
  assert.match(summary.message, /^Performance: \d+\.\d msg\/sec avg$/);
  assert.deepEqual([summary.messages, summary.batches, summary.locations], [9, 1, 3]);
  assert.deepEqual(summary.recordsPerBatch, { mean: 9, max: 9 });
  assert.ok(summary.latencyMs.p99 >= summary.latencyMs.mean && summary.latencyMs.mean > 0);
  assert.deepEqual(summary.top, { 'FR/Paris': 3, 'DE/Köln': 3, 'JP/東京': 3 });
  assert.deepEqual([summary.errorRate, summary.retryRate], [0, 0]);
  const samples = await scrape(command);
  assert.equal(total(samples, 'kafka_hive_records_written_total'), 9);
  assert.equal(total(samples, 'kafka_hive_consumer_lag'), 0);
  assert.ok(!command.told.includes('\u001b'), 'no table where nobody watches');
  command.signal('SIGTERM');
  assert.equal(await command.ended(), 0, command.told);
});

test('--layout batches writes a file per batch, --compression gzip packs it', async () => {
  const topic = await topicWith(6);
  const directory = stateDirectory();
  const args = ['--topics', topic, '--group-id', uniqueName('group'), '--until-end'];
  const layout = ['--layout', 'batches', '--compression', 'gzip', '--batch-size', '3'];
  const command = hdfsConsumer([...args, ...layout, '--log-level', 'WARNING'], { directory });
  assert.equal(await command.ended(), 0, command.told);
  assert.deepEqual(command.messages, [], 'nothing to warn about');
  const counts = Object.entries(lineCounts(join(directory, 'hdfs-data')));
  assert.deepEqual(
    counts.map(([, lines]) => lines),
    [3, 3],
  );
  for (const [path] of counts) assert.match(path, /^FR\/Paris\/(?!alerts).*\.gz$/);
});

test('--max-file-size rolls the file, gzip grows alerts.json.gz', async () => {
  const topic = await topicWith(40);
  for (const compression of ['none', 'gzip']) {
    const directory = stateDirectory();
    const command = hdfsConsumer(
      [
        ...['--topics', topic, '--group-id', uniqueName('group'), '--until-end'],
        ...['--batch-size', '4', '--max-file-size', '1KB', '--compression', compression],
      ],
      { directory },
    );
    assert.equal(await command.ended(), 0, command.told);
    const base = join(directory, 'hdfs-data');
    const ending = compression === 'gzip' ? '.json.gz' : '.json';
    assert.ok(existsSync(join(base, `FR/Paris/alerts${ending}`)));
    assert.ok(
      existsSync(join(base, `FR/Paris/alerts-000001${ending}`)),
      JSON.stringify(lineCounts(base)),
    );
    const times = Object.values(treeOf(base)).flatMap((lines) =>
      lines.map(({ timestamp }) => timestamp),
    );
    assert.equal(new Set(times).size, 40);
    assert.equal(times.length, 40);
  }
});

test('--buffer-memory bounds what is held: a batch is written before it is full or old', async () => {
  const topic = uniqueName('weather');
  await world.createTopic(topic, 1);
  const large = (at: number) => {
    const record = weatherRecord('FR/Paris', at);
    const value = { ...JSON.parse(String(record.value)), note: 'x'.repeat(100_000) };
    return { ...record, value: Buffer.from(JSON.stringify(value)) };
  };
  for (let at = 0; at < 24; at += 6) {
    await world.send(
      topic,
      Array.from({ length: 6 }, (_, one) => large(at + one)),
    );
  }
  const directory = stateDirectory();
  const command = hdfsConsumer(
    [
      ...['--topics', topic, '--group-id', uniqueName('group'), '--buffer-memory', '1MB'],
      ...['--batch-size', '1000000', '--flush-interval', '3600', '--until-end'],
    ],
    { directory },
  );
  assert.equal(await command.ended(), 0, command.told);
  const placed = command.messages.filter((message) => message === 'batch placed').length;
  assert.ok(placed >= 2, command.told);
  assert.deepEqual(lineCounts(join(directory, 'hdfs-data')), { 'FR/Paris/alerts.json': 24 });
});

test('MAX_POLL_RECORDS is the most that is taken in at once', async () => {
  const topic = await topicWith(50);
  const hdfsConsumerParams = { topics: [topic], basePath: join(stateDirectory(), 'base') };
  const settings = testSettings({
    hdfsConsumer: { ...hdfsConsumerParams, group: uniqueName('group'), maxPollRecords: 7 },
  });
  const taken: number[] = [];
  const observer = {
    ...{ assigned() {}, placed() {}, retried() {} },
    read: (_: unknown, records: number) => taken.push(records),
  };
  const { rows } = await start((deps) =>
    runHdfsConsumer(settings, deps, { untilEnd: true, observer }),
  ).done;
  assert.equal(rows, 50);
  assert.equal(Math.max(...taken), 7, taken.join());
});

test('CONSUMER_TIMEOUT_MS is how long a fetch waits: an idle consumer asks less often', async () => {
  const topic = await topicWith(0);
  const [often, seldom] = ['50', '10000'].map((CONSUMER_TIMEOUT_MS) =>
    hdfsConsumer(['--topics', topic, '--group-id', uniqueName('group')], {
      env: { CONSUMER_TIMEOUT_MS },
    }),
  );
  assert.ok(often && seldom);
  for (const command of [often, seldom]) {
    await eventually(() => assert.ok(command.messages.includes('partitions assigned')));
  }
  // Each answer of the broker is read from its connection.
  const reads = ({ pid }: { pid: number }) =>
    Number(/syscr: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  // The start itself reads files; it is over at some time.
  await eventually(async () => {
    const before = [reads(often), reads(seldom)] as const;
    await eventually(() => assert.ok(reads(often) - before[0] > 30));
    assert.ok(reads(seldom) - before[1] < 15, `${reads(seldom) - before[1]} reads`);
  }, 15_000);
  for (const command of [often, seldom]) command.signal('SIGKILL');
});

test('--hdfs-path on HDFS, by hdfs: and by webhdfs:, with --replication-factor and --hive-table', async (t) => {
  const topic = await topicWith(10, ['FR/Paris', 'JP/東京']);
  const { uri, nameNodes } = stackEndpoints().hdfs;
  const { config } = testSettings();
  for (const root of [uri, String(nameNodes[0]).replace(/^http/, 'webhdfs')]) {
    const base = `${root}/${uniqueName('weather')}`;
    const { files, path } = openLocation(base, config.hdfs);
    t.after(async () => {
      await files.remove(path, never);
      files.close();
    });
    const hiveTable = uniqueName('weather').toLowerCase();
    t.after(() => world.hive.execute(`DROP TABLE IF EXISTS \`default\`.\`${hiveTable}\``, never));
    const command = hdfsConsumer([
      ...['--topics', topic, '--group-id', uniqueName('group'), '--until-end'],
      ...['--hdfs-path', base, '--replication-factor', '2', '--hive-table', hiveTable],
    ]);
    assert.equal(await command.ended(), 0, command.told);
    const at = `${path}/${encodeURI('JP/東京')}/alerts.json`;
    const answer = await fetch(`${nameNodes[0]}/webhdfs/v1${at}?op=GETFILESTATUS&user.name=hdfs`);
    const { FileStatus: status } = (await answer.json()) as { FileStatus: { replication: number } };
    assert.equal(status.replication, 2);
    const sql = `SELECT country, city, count(*) AS n FROM \`default\`.\`${hiveTable}\` GROUP BY country, city`;
    const rows = await world.hive.query(sql, never);
    const counted = rows.map((row) => `${row['country']}/${row['city']} ${row['n']}`).sort();
    assert.deepEqual(counted, ['FR/Paris 5', 'JP/東京 5']);
  }
});
