// Settings from variables and flags, which are all text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentName, SETTING_KEYS } from '../../../params/keys.ts';
import { load, refusal } from './settings-files.ts';

test('a variable is named after the path of its setting', () => {
  assert.equal(environmentName('batch.size'), 'KH_BATCH__SIZE');
  assert.equal(environmentName('table.liveName'), 'KH_TABLE__LIVE_NAME');
  assert.equal(environmentName('deadLetters.topic'), 'KH_DEAD_LETTERS__TOPIC');
});

test('no two settings of the two files share a path or a variable', () => {
  const variables = SETTING_KEYS.flatMap(({ env, secret }) =>
    secret ? [env, `${env}_FILE`] : [env],
  );
  assert.equal(new Set(variables).size, variables.length);
  assert.equal(new Set(SETTING_KEYS.map(({ path }) => path)).size, SETTING_KEYS.length);
});

test('text becomes the type of its setting', (t) => {
  const { params, config } = load(t, {
    env: {
      KH_KAFKA__BROKERS: 'a:1, b:2',
      KH_PRODUCER__RAW: 'true',
      KH_PRODUCER__PARTITION_SWITCH_MINUTES: '0.5',
      KH_TABLE__COLUMNS: '[{"name": "t", "type": "timestamp", "path": "a.t"}]',
      KH_TOPIC: '007',
      KH_KAFKA__TLS__CA: 'ca.pem',
    },
    set: ['table.location=hdfs://h:1/a=b', 'producer.input=["x,y"]'],
  }).settings;
  assert.deepEqual(config.kafka.brokers, ['a:1', 'b:2']);
  assert.equal(params.producer.raw, true);
  assert.equal(params.producer.partitionSwitchMinutes, 0.5);
  assert.deepEqual(params.table.columns, [{ name: 't', type: 'timestamp', path: 'a.t' }]);
  assert.equal(params.topic, '007');
  assert.deepEqual(config.kafka.tls, { enabled: true, ca: 'ca.pem' });
  assert.equal(params.table.location, 'hdfs://h:1/a=b');
  assert.deepEqual(params.producer.input, ['x,y']);
});

test('where one stands for a list of one, a text, a list and a,b,c are taken', (t) => {
  const hashtags = (given: Parameters<typeof load>[1]) => load(t, given).settings.params.hashtag;
  assert.deepEqual(hashtags({ params: '{"hashtag": "#a"}' }), ['#a']);
  assert.deepEqual(hashtags({ params: '{"hashtag": ["a", "größe"]}' }), ['a', 'größe']);
  assert.deepEqual(hashtags({ env: { KH_HASHTAG: 'a, b' } }), ['a', 'b']);
  assert.equal(hashtags({}), undefined);
  const { params } = load(t, { env: { KH_PRODUCER__SOURCE: 'bluesky,mastodon' } }).settings;
  assert.deepEqual(params.producer.source, ['bluesky', 'mastodon']);
  const { lines } = refusal(t, { env: { KH_PRODUCER__SOURCE: 'bluesky,myspace' } });
  assert.match(lines.join(), /producer\.source\.1: expected one of x, bluesky, mastodon, lines/);
});

test('text that does not fit is told with the name of its variable', (t) => {
  const { lines } = refusal(t, {
    env: {
      KH_PRODUCER__RAW: 'yes',
      KH_TABLE__COLUMNS: 'id,text',
      KH_BATCH__SIZE: '1e3',
      KH_BATHC__SIZE: '1',
      KH_HIVE__PASSWORT: 'x',
    },
  });
  assert.deepEqual(lines, [
    'KH_BATCH__SIZE batch.size: expected a whole number from 1 to 1000000',
    'KH_BATHC__SIZE: unknown variable; did you mean KH_BATCH__SIZE?',
    'KH_HIVE__PASSWORT: unknown variable; did you mean KH_HIVE__PASSWORD?',
    'KH_PRODUCER__RAW producer.raw: expected true or false',
    'KH_TABLE__COLUMNS table.columns: expected JSON or a,b,c',
  ]);
});

test('a fault inside a list given as JSON is told with its path', (t) => {
  const { lines } = refusal(t, { env: { KH_TABLE__COLUMNS: '[{"name": "a"}]' } });
  assert.deepEqual(lines, [
    'KH_TABLE__COLUMNS table.columns.0.type: is missing: expected one of string, bigint, int, double, boolean, timestamp, date, array<string>',
  ]);
});

test('an empty variable counts as not set; those of tests and other programs are left alone', (t) => {
  const env = { KH_TOPIC: '', KH_TEST_STACK: '/x', KH_STACK_HOME: '/y', PATH: '/bin', KHAKI: '1' };
  assert.equal(load(t, { env }).settings.params.topic, 'posts');
});

test("the originals' variables work and give way to KH_ variables", (t) => {
  const env = {
    KAFKA_BOOTSTRAP_SERVERS: 'a:1,b:2',
    KAFKA_GROUP_ID: 'team',
    KAFKA_AUTO_OFFSET_RESET: 'latest',
    HDFS_BASE_PATH: 'hdfs://h:8020/weather',
    HDFS_BATCH_SIZE: '50',
    HDFS_FLUSH_INTERVAL: '7.5',
    CONSUMER_TIMEOUT_MS: '1000',
    MAX_POLL_RECORDS: '20',
  };
  const { params, config } = load(t, { env }).settings;
  assert.deepEqual(config.kafka.brokers, ['a:1', 'b:2']);
  assert.deepEqual([params.consumer.group, params.consumer.liveGroup], ['team', 'team-live']);
  assert.equal(params.consumer.from, 'end');
  const { group, offsetReset, basePath, batchSize, flushIntervalMs, ...rest } = params.hdfsConsumer;
  assert.deepEqual([group, offsetReset, basePath], ['team', 'latest', 'hdfs://h:8020/weather']);
  assert.deepEqual([batchSize, flushIntervalMs], [50, 7500]);
  assert.deepEqual([rest.pollMs, rest.maxPollRecords], [1000, 20]);
  const over = load(t, { env: { ...env, KH_CONSUMER__FROM: '17' } });
  assert.equal(over.settings.params.consumer.from, '17');
  const wrong = {
    KAFKA_AUTO_OFFSET_RESET: 'none',
    HDFS_FLUSH_INTERVAL: '30s',
    MAX_POLL_RECORDS: '0',
  };
  assert.deepEqual(refusal(t, { env: wrong }).lines, [
    'HDFS_FLUSH_INTERVAL: expected a number of seconds',
    'KAFKA_AUTO_OFFSET_RESET: expected earliest or latest',
    'MAX_POLL_RECORDS hdfsConsumer.maxPollRecords: expected a whole number from 1 to 1000000',
  ]);
});

test('--set takes any setting by its path and says when there is none', (t) => {
  const { lines } = refusal(t, { set: ['batch.siz=1', 'batch', '=1', 'table=x'] });
  assert.deepEqual(lines, [
    '--set: expected path=value, such as batch.size=500',
    '--set batch.siz: unknown key; did you mean batch.size?',
    '--set table: a section; name one of its settings, such as table.database',
  ]);
});
