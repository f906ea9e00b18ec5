// Files of the Python originals are answered with what to write instead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from './settings-files.ts';

const PARAMS = `{
  "topic": "kafka_test5",
  "host_hive": "hive1",
  "user_hive": "hive",
  "password_hive": "canary-password",
  "database_hive": "default",
  "lenght_bloc": 5,
  "log_file": {"consumer": "consumer.out"},
  "table_hive": "kafka",
  "cluster": {"broker1": "kafka1", "broker2": "kafka2", "broker3": "kafka3"},
  "server_port": "6667",
  "zookieper_port": "2181"
}`;

const CONFIG = `{
  "CONSUMER_KEY": "canary-key",
  "ACCESS_SECRET": "canary-secret"
}`;

test("each key of the originals' params.json is answered with the new name at its place", (t) => {
  const { lines } = refusal(t, { params: PARAMS });
  const told = new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line]));
  const expected: readonly [place: string, text: RegExp][] = [
    ['params.json:3:3', /host_hive: is an old name; write hive\.host in config\.json/],
    ['params.json:4:3', /user_hive: .*hive\.username/],
    ['params.json:5:3', /password_hive: .*KH_HIVE__PASSWORD_FILE/],
    ['params.json:6:3', /database_hive: .*table\.database/],
    ['params.json:7:3', /lenght_bloc: .*batch\.size/],
    ['params.json:8:3', /log_file: .*standard error/],
    ['params.json:9:3', /table_hive: .*table\.name/],
    ['params.json:10:3', /\["kafka1:6667", "kafka2:6667", "kafka3:6667"\]/],
    ['params.json:11:3', /server_port: .*kafka\.brokers/],
    ['params.json:12:3', /zookieper_port: .*leave it out/],
  ];
  assert.equal(lines.length, expected.length);
  for (const [place, text] of expected) assert.match(told.get(place) ?? '', text);
});

test("the four keys of the originals' config.json lead to the bearer token, and no value is repeated", (t) => {
  const { error, lines } = refusal(t, { params: PARAMS, config: CONFIG });
  assert.match(lines[0] ?? '', /^config\.json:2:3 CONSUMER_KEY: .*KH_X__BEARER_TOKEN/);
  assert.match(lines[1] ?? '', /^config\.json:3:3 ACCESS_SECRET: .*KH_X__BEARER_TOKEN/);
  assert.doesNotMatch(error.message, /canary/);
});

test("the exercise's words for the hdfs-consumer are answered with the new ones and their units", (t) => {
  const exercise = {
    ...{ base_path: './hdfs-data', batch_size: 100, flush_interval: 30, max_file_size: '100MB' },
    ...{ compression: 'gzip', replication_factor: 3, buffer_memory: '128MB' },
    max_poll_records: 500,
  };
  const { lines } = refusal(t, { params: JSON.stringify(exercise, null, 2) });
  assert.deepEqual(
    lines.map((line) => /write hdfsConsumer\.(\w+(?:, in \w+)?):/.exec(line)?.[1]),
    [
      ...['basePath', 'batchSize', 'flushIntervalMs, in milliseconds', 'fileBytesMax, in bytes'],
      ...['compression', 'replication', 'bufferBytesMax, in bytes', 'maxPollRecords'],
    ],
  );
});
