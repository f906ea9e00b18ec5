// `kafka-hive stack` says what is wrong with its arguments, and answers where no stack was ever started.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { kafkaHive, workingDirectory } from './command-line.ts';

for (const [flag, value, words] of [
  ['--brokers', '2', /expected 1, 3/],
  ['--data-nodes', '4', /expected 1, 2, 3/],
  ['--services', 'kafka,yarn', /expected kafka, hdfs, hive/],
  ['--ports', 'random', /default, free/],
] as const) {
  test(`stack up ${flag} ${value} is refused with what is allowed`, async (context) => {
    const directory = workingDirectory(context);
    const { exit, stderr } = await kafkaHive(['stack', 'up', flag, value], { directory });
    assert.equal(exit, 2);
    assert.match(stderr, words);
  });
}

test('status, down, wipe and logs answer where no stack was started', async (context) => {
  const directory = workingDirectory(context);
  const status = await kafkaHive(['stack', 'status'], { directory });
  assert.deepEqual([status.exit, status.stdout], [0, 'no stack was started in .stack/data\n']);
  for (const command of ['down', 'wipe', 'logs']) {
    assert.equal((await kafkaHive(['stack', command], { directory })).exit, 0, command);
  }
  const sql = await kafkaHive(['stack', 'sql', 'SELECT 1'], { directory });
  assert.equal(sql.exit, 2);
  assert.match(sql.stderr, /no stack was started.*\n.*stack up/);
});

test('a data directory of another version ends with the exit code of the stack', async (context) => {
  const directory = workingDirectory(context);
  mkdirSync(join(directory, 'data'));
  writeFileSync(join(directory, 'data/stack.json'), '{"version":0}');
  const { exit, stderr } = await kafkaHive(['stack', 'status', '--data-dir', 'data'], {
    directory,
  });
  assert.equal(exit, 6);
  assert.match(stderr, /STACK_DATA_VERSION.*\n.*stack wipe/);
});

test('a broken settings file keeps nobody from stopping the stack', async (context) => {
  const directory = workingDirectory(context);
  mkdirSync(join(directory, 'params'));
  writeFileSync(join(directory, 'params/config.json'), '{');
  assert.equal((await kafkaHive(['stack', 'down'], { directory })).exit, 0);
});
