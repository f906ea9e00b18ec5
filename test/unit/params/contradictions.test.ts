// Settings that cannot hold together are refused, each at the place a person would change first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, refusal } from './settings-files.ts';

const column = (name: string, type = 'string', path = name) => JSON.stringify({ name, type, path });
const table = (rest: string) => `{"table": {${rest}}}`;

const REFUSED: readonly [why: string, params: string, told: string][] = [
  [
    'a source runs once',
    '{"producer": {"source": ["lines", "lines"]}}',
    'params.json:1:15 producer.source: a source stands there twice',
  ],
  [
    'a line is either a row or raw',
    '{"producer": {"raw": true, "csv": true}}',
    'params.json:1:28 producer.csv: a row of CSV becomes JSON, a raw line stays as it is; choose one of the two',
  ],
  [
    'one file is followed',
    '{"producer": {"follow": true, "input": ["a", "b"]}}',
    'params.json:1:15 producer.follow: needs producer.input with one file that grows; standard input is followed anyway',
  ],
  [
    'a packed file does not grow',
    '{"producer": {"follow": true, "input": ["a.gz"]}}',
    'params.json:1:15 producer.follow: needs producer.input with one file that grows; standard input is followed anyway',
  ],
  [
    'alerts do not come back as weather',
    '{"alerts": {"alertTopic": "w", "topics": ["w"]}}',
    'params.json:1:13 alerts.alertTopic: alerts need a topic of their own, neither read nor one of dead letters',
  ],
  [
    'counts do not stand among alerts',
    '{"alerts": {"countTopic": "alert_stream"}}',
    'params.json:1:13 alerts.countTopic: counts need a topic of their own, neither read nor one of alerts or dead letters',
  ],
  [
    'dead letters do not come back as weather',
    '{"alerts": {"topics": ["w", "w.dead-letters"]}}',
    'params.json:1:13 alerts.topics: dead letters would come back as records; choose a topic of their own',
  ],
  [
    'dead letters do not come back to the hdfs-consumer',
    '{"deadLetters": {"topic": "d"}, "hdfsConsumer": {"topics": ["w", "d"]}}',
    'params.json:1:50 hdfsConsumer.topics: dead letters would come back as records; choose a topic of their own',
  ],
  [
    'text needs a column for the whole value',
    `{"consumer": {"valueFormat": "text"}, "table": {"columns": [${column('a')}]}}`,
    'params.json:1:15 consumer.valueFormat: text needs a column for the whole value: path $ or $rest in table.columns',
  ],
  [
    'records of text are told apart by their key',
    '{"consumer": {"dedupe": {"by": "id"}, "valueFormat": "text"}}',
    'params.json:1:26 consumer.dedupe.by: consumer.valueFormat text has no fields; only $key tells its records apart',
  ],
  [
    'the day comes from a timestamp column',
    table(`"dayFrom": "lang"`),
    'params.json:1:12 table.dayFrom: column lang is of type string; expected kafka_timestamp or a timestamp column',
  ],
  [
    'the day comes from a column that exists',
    table(`"dayFrom": "sent_at"`),
    'params.json:1:12 table.dayFrom: expected kafka_timestamp or the name of a timestamp column in table.columns',
  ],
  [
    'column names differ, whatever their case',
    table(`"columns": [${column('a')}, ${column('A')}]`),
    'params.json:1:66 table.columns.1.name: two columns are called A (Hive ignores case)',
  ],
  [
    'the columns from Kafka are taken',
    table(`"columns": [${column('Kafka_Offset')}]`),
    'params.json:1:25 table.columns.0.name: Kafka_Offset is a column every table has; choose another',
  ],
  [
    'the table partition column is taken',
    table(`"columns": [${column('dt')}]`),
    'params.json:1:25 table.columns.0.name: dt is a column every table has; choose another',
  ],
  [
    'the live consumer has a table of its own',
    table(`"name": "posts_LIVE"`),
    'default table.liveName: the live consumer needs a table of its own, other than table.name',
  ],
  [
    'the live consumer has a group of its own',
    '{"consumer": {"group": "g", "liveGroup": "g"}}',
    'params.json:1:29 consumer.liveGroup: the live consumer needs a group of its own, other than consumer.group',
  ],
  [
    'hive-insert writes parquet',
    '{"consumer": {"sink": "hive-insert"}, "table": {"format": "json"}}',
    'params.json:1:49 table.format: consumer.sink hive-insert writes parquet only; json needs hive-load',
  ],
  [
    'dead letters do not come back as records',
    '{"topic": "a", "deadLetters": {"topic": "a"}}',
    'params.json:1:32 deadLetters.topic: dead letters would come back as records; choose a topic of their own',
  ],
  [
    'a topic leaves room for .dead-letters',
    `{"topic": "${'a'.repeat(240)}"}`,
    'params.json:1:2 topic: 240 characters leave no room for .dead-letters; set deadLetters.topic',
  ],
  [
    'a batch fits the memory for all',
    '{"batch": {"bytesMax": 2097152}, "limits": {"bufferBytesMax": 1048576}}',
    'params.json:1:12 batch.bytesMax: a batch of 2097152 bytes does not fit limits.bufferBytesMax (1048576)',
  ],
  [
    'a start is a time that exists',
    '{"consumer": {"from": "2026-13-45T99:00"}}',
    'params.json:1:15 consumer.from: expected an ISO time such as 2026-11-21T10:00:00Z',
  ],
  [
    'a start names a partition once',
    '{"consumer": {"from": "0:5,1:5,0:7"}}',
    'params.json:1:15 consumer.from: a partition stands there twice',
  ],
];
for (const [why, params, told] of REFUSED) {
  test(`refused unless ${why}`, (t) => {
    assert.deepEqual(refusal(t, { params }).lines, [told]);
  });
}

const CONFIG_REFUSED: readonly [why: string, config: string, told: string][] = [
  [
    'a password is there to log in with',
    '{"hive": {"auth": "password"}}',
    'config.json:1:11 hive.auth: password needs hive.password; set KH_HIVE__PASSWORD or KH_HIVE__PASSWORD_FILE',
  ],
  [
    'a client certificate has its key',
    '{"kafka": {"tls": {"cert": "a.pem"}}}',
    'config.json:1:20 kafka.tls.cert: a client certificate is two files: set kafka.tls.key too',
  ],
  [
    'a port exists',
    '{"kafka": {"brokers": ["a:70000"]}}',
    'config.json:1:24 kafka.brokers.0: expected a port from 1 to 65535',
  ],
  [
    'an address holds no password',
    '{"hdfs": {"nameNodes": ["http://u:canary@nn:9870"]}}',
    'config.json:1:25 hdfs.nameNodes.0: an address may not hold a user or password',
  ],
];
for (const [why, config, told] of CONFIG_REFUSED) {
  test(`refused unless ${why}`, (t) => {
    assert.deepEqual(refusal(t, { config }).lines, [told]);
  });
}

test('settings that hold together are taken', (t) => {
  const columns = `[${column('sent_at', 'timestamp', 'a.b')}, ${column('all', 'string', '$')}]`;
  const { settings } = load(t, {
    params: `{"consumer": {"valueFormat": "text", "from": "2026-11-21T10:00:00Z"}, "table": {"dayFrom": "SENT_AT", "columns": ${columns}}}`,
  });
  assert.equal(settings.params.table.dayFrom, 'SENT_AT');
});

test('a login without encryption is taken with a warning', (t) => {
  const sasl = '"sasl": {"mechanism": "plain", "username": "u", "password": "canary"}';
  const { warnings } = load(t, { config: `{"kafka": {${sasl}}}` });
  assert.deepEqual(warnings, [
    'config.json:1:12 kafka.sasl: without kafka.tls, user and password travel where the network can read them',
  ]);
  assert.deepEqual(load(t, { config: `{"kafka": {${sasl}, "tls": {}}}` }).warnings, []);
});
