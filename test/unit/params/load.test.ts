// Where settings come from, which of them wins, and how wrong ones are told.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../../params/load.ts';
import { isCode } from '../../../pipeline/errors.ts';
import { emptyDirectory, load, refusal } from './settings-files.ts';

test('without files every setting has its default', (t) => {
  const directory = emptyDirectory(t);
  const { settings } = loadSettings({ directory, env: {} });
  assert.equal(settings.params.batch.size, 1000);
  assert.deepEqual(settings.config.kafka.brokers, ['127.0.0.1:9092']);
  assert.equal(settings.params.table.columns.find(({ name }) => name === 'value')?.path, '$rest');
});

test('the files of the project are valid and say what the defaults of the local stack are', () => {
  const { settings, warnings, placeOf } = loadSettings({ directory: '.', env: {} });
  assert.deepEqual(warnings, []);
  assert.equal(placeOf('batch.size')?.name, 'params/params.json');
  assert.deepEqual(settings.config.hdfs.nameNodes, ['http://127.0.0.1:9870']);
  assert.equal(settings.config.hive.port, 10_000);
});

test('a flag goes before the environment, the environment before the file, the file before the default', (t) => {
  const params = '{"batch": {"size": 1, "bytesMax": 2048}, "topic": "a"}';
  const sizeOf = (given: Parameters<typeof load>[1]) =>
    load(t, { params, ...given }).settings.params.batch.size;
  const env = { KH_BATCH__SIZE: '2' };
  assert.equal(sizeOf({ params: '{}' }), 1000);
  assert.equal(sizeOf({}), 1);
  assert.equal(sizeOf({ env }), 2);
  assert.equal(sizeOf({ env, set: ['batch.size=3'] }), 3);
  const flags = [{ key: 'batch.size', value: '4', flag: '--batch-size' }];
  assert.equal(sizeOf({ env, flags }), 4);
  const { batch } = load(t, { params, env }).settings.params;
  assert.deepEqual([batch.bytesMax, batch.ageMsMax], [2048, 30_000]);
});

test('KH_PARAMS and KH_CONFIG name the files, an option goes before them', (t) => {
  const named = { KH_PARAMS: 'params.json', KH_CONFIG: 'config.json' };
  const params = '{"topic": "named"}';
  const paramsFile = 'nowhere.json';
  assert.equal(load(t, { params, env: named }).settings.params.topic, 'named');
  const { error, lines } = refusal(t, { env: named, paramsFile });
  assert.equal(error.code, 'CONFIG_UNREADABLE');
  assert.deepEqual(lines, ['nowhere.json: no such file']);
});

test('K01: a wrong value is told with its file, line and column', (t) => {
  const params = '{\n  "topic": "posts",\n  "batch": {\n    "size": 0\n  }\n}';
  const { error, lines } = refusal(t, { params });
  assert.equal(error.code, 'CONFIG_INVALID');
  assert.equal(error.exit, 2);
  assert.deepEqual(lines, [
    'params.json:4:5 batch.size: expected a whole number from 1 to 1000000',
  ]);
});

test('all problems of both files, the environment and the flags are told at once, sorted by place', (t) => {
  const { lines } = refusal(t, {
    params: '{"topic": 5,\n"batch": {"size": 1.5},\n"log": {"level": "loud"}}',
    config: '{"kafka": {"brokers": ["a:1", "b"]}, "hdfs": {"nameNodes": ["nn"]}}',
    env: { KH_BATCH__AGE_MS_MAX: 'long', KH_HIVE__TRANSPORT: 'carrier pigeon' },
    set: ['hive.port=0'],
  });
  assert.deepEqual(lines, [
    'config.json:1:31 kafka.brokers.1: expected host:port',
    'config.json:1:61 hdfs.nameNodes.0: expected an address such as http://host:port',
    'params.json:1:2 topic: expected text',
    'params.json:2:11 batch.size: expected a whole number from 1 to 1000000',
    'params.json:3:9 log.level: expected one of debug, info, warn, error, silent',
    'KH_BATCH__AGE_MS_MAX batch.ageMsMax: expected a whole number from 100 to 86400000 (milliseconds)',
    'KH_HIVE__TRANSPORT hive.transport: expected one of binary, http',
    '--set hive.port: expected a whole number from 1 to 65535',
  ]);
});

test('columns count characters, not UTF-16 units, and lines end in any of the three ways', (t) => {
  const { lines } = refusal(t, { params: '{\r\n "hashtag": "x",\r /* 👩🏽‍🚀 */ "topic": 1}' });
  assert.deepEqual(lines, ['params.json:3:13 topic: expected text']);
});

test('unknown keys are told with the nearest known one, in its own section, elsewhere, or in the other file', (t) => {
  const { lines } = refusal(t, {
    params:
      '{"topik": "a", "batch": {"siez": 1}, "batchSize": 2, "kafka": {}, "zzz": 0, "__proto__": {}}',
  });
  assert.deepEqual(lines, [
    'params.json:1:2 topik: unknown key; did you mean topic?',
    'params.json:1:26 batch.siez: unknown key; did you mean size?',
    'params.json:1:38 batchSize: unknown key; did you mean batch.size?',
    'params.json:1:54 kafka: unknown key; it belongs into config.json',
    'params.json:1:67 zzz: unknown key',
    'params.json:1:77 __proto__: unknown key',
  ]);
});

test('a key written twice is told at its second place', (t) => {
  const { lines } = refusal(t, { params: '{"batch": {"size": 1,\n "size": 2}}' });
  assert.deepEqual(lines, ['params.json:2:2 batch.size: written twice, first in line 1; keep one']);
});

test('a value in a wrong unit is told with the number to write', (t) => {
  const { lines } = refusal(t, {
    params:
      '{"batch": {"ageMsMax": "30s", "idleMsMax": "5000", "bytesMax": "32 MB", "size": "1"},\n"producer": {"partitionSwitchMinutes": "90s"}}',
  });
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*expected /, '')),
    [
      'a whole number from 100 to 86400000 (milliseconds): 30000 for 30s',
      'a whole number from 100 to 86400000 (milliseconds), without quotes',
      'a whole number from 1024 to 1073741824 (bytes): 33554432 for 32 MB',
      'a whole number from 1 to 1000000, without quotes',
      'a number above 0, at most 10080 (minutes): 1.5 for 90s',
    ],
  );
});

const SYNTAX: readonly [text: string, told: string][] = [
  [
    '{"topic": "a",\n}',
    'params.json:2:1: not JSON: a property name in double quotes is expected here',
  ],
  ['{"topic": "a"\n "hashtag": "b"}', 'params.json:2:2: not JSON: a comma is expected here'],
  ['{"topic": ', 'params.json:1:11: not JSON: a value is expected here'],
  ['[]', 'params.json:1:1: expected an object: { ... }'],
  ['', 'params.json:1:1: not JSON: a value is expected here'],
];
for (const [text, told] of SYNTAX) {
  test(`a params file that is ${JSON.stringify(text)} is told with line and column`, (t) => {
    const { error, lines } = refusal(t, { params: text });
    assert.deepEqual([error.code, lines], ['CONFIG_UNREADABLE', [told]]);
  });
}

test('a file that is not UTF-8 is refused, a byte order mark and comments are not', (t) => {
  const { settings } = load(t, { params: '\uFEFF{ // the job\n "topic": "b" /* ! */ }' });
  assert.equal(settings.params.topic, 'b');
  const directory = emptyDirectory(t);
  writeFileSync(join(directory, 'latin1.json'), Buffer.from('{"topic": "\xe9"}', 'latin1'));
  const told: [file: string, message: string][] = [
    ['.', '.: a directory, not a file'],
    ['latin1.json', 'latin1.json: not UTF-8 text'],
  ];
  for (const [paramsFile, message] of told) {
    assert.throws(
      () => loadSettings({ directory, paramsFile, env: {} }),
      (error) => isCode(error, 'CONFIG_UNREADABLE') && error.message === message,
    );
  }
});

test('a missing value is told at the section that lacks it', (t) => {
  const { lines } = refusal(t, { config: '{"kafka": {\n  "sasl": {"mechanism": "plain"}}}' });
  assert.deepEqual(lines, [
    'config.json:2:3 kafka.sasl.password: is missing: expected text',
    'config.json:2:3 kafka.sasl.username: is missing: expected text',
  ]);
});

test('a column without path takes the field of its own name', (t) => {
  const params = '{"table": {"columns": [{"name": "city", "type": "string"}]}}';
  assert.deepEqual(load(t, { params }).settings.params.table.columns, [
    { name: 'city', type: 'string', path: 'city' },
  ]);
});
