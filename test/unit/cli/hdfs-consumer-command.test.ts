// The flags of hdfs-consumer as they become settings, and what is refused before anything is opened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteSize } from '../../../cli/byte-size.ts';
import { kafkaHive, workingDirectory } from './command-line.ts';

test('sizes are read with their unit', () => {
  const sizes = ['100MB', '128 mb', '1.5GB', '2KB', '4096', '100M', 'MB', '-1', '0', ''].map(
    byteSize,
  );
  assert.deepEqual(sizes, [
    ...[104_857_600, 134_217_728, 1_610_612_736, 2048, 4096],
    ...[undefined, undefined, undefined, undefined, undefined],
  ]);
});

test('hdfs-consumer without topics says how to name them', async (t) => {
  const { exit, stderr } = await kafkaHive(['hdfs-consumer'], { directory: workingDirectory(t) });
  assert.equal(exit, 2);
  assert.match(stderr, /error CONFIG_INVALID: hdfsConsumer\.topics .*\n.*--topics/);
});

for (const [flag, value, told] of [
  ['--flush-interval', 'soon', /Expected seconds/],
  ['--flush-interval', '0.05', /flushIntervalMs: expected a whole number from 100/],
  ['--max-file-size', '1kb!', /Expected 100MB/],
  ['--max-file-size', '1000', /fileBytesMax: expected a whole number from 1024/],
  ['--buffer-memory', '1KB', /bufferBytesMax: expected a whole number from 1048576/],
  ['--batch-size', '0', /batchSize: expected a whole number from 1/],
  ['--compression', 'snappy', /compression: expected one of none, gzip/],
  ['--layout', 'flat', /layout: expected one of grow, batches/],
  ['--offset-reset', 'none', /offsetReset: expected one of earliest, latest/],
  ['--replication-factor', '0', /replication: expected a whole number from 1/],
  ['--max-poll-records', '0', /maxPollRecords: expected a whole number from 1/],
  ['--stats-interval', '0', /Expected seconds/],
  ['--hdfs-path', 's3://bucket/x', /basePath: expected hdfs:\/\/host:port\/path/],
  ['--hive-table', 'a b', /hiveTable: expected letters, digits and _/],
  ['--topics', 'a,b c', /topics\.1: expected 1 to 249/],
  ['--kafka-servers', 'localhost', /kafka\.brokers\.0: expected host:port/],
  ['--metrics-port', '70000', /metricsPort: expected a whole number from 0 to 65535/],
  ['--log-level', 'LOUD', /log\.level: expected one of debug, info/],
] as const) {
  test(`hdfs-consumer ${flag} ${value} is refused before anything is opened`, async (t) => {
    const args = ['hdfs-consumer', '--topics', 'x', flag, value];
    const { exit, stderr } = await kafkaHive(args, { directory: workingDirectory(t) });
    assert.equal(exit, 2, stderr);
    assert.match(stderr, told);
  });
}
