// `config print` tells each value and where it came from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain, explainLines } from '../../../params/explain.ts';
import { SETTING_KEYS } from '../../../params/keys.ts';
import { load } from './settings-files.ts';

test('each setting is told once, with its value and its origin', (t) => {
  const loaded = load(t, {
    params: '{\n  "batch": {\n    "size": 7\n  }\n}',
    env: { KH_BATCH__BYTES_MAX: '2048' },
    set: ['hive.port=1'],
    flags: [{ key: 'topic', value: 'a', flag: '--topic' }],
  });
  const settings = explain(loaded);
  assert.equal(settings.length, SETTING_KEYS.length);
  const told = new Map(settings.map(({ key, value, origin }) => [key, [value, origin]]));
  assert.deepEqual(told.get('batch.size'), [7, 'params.json:3']);
  assert.deepEqual(told.get('batch.bytesMax'), [2048, 'env KH_BATCH__BYTES_MAX']);
  assert.deepEqual(told.get('hive.port'), [1, 'flag --set']);
  assert.deepEqual(told.get('topic'), ['a', 'flag --topic']);
  assert.deepEqual(told.get('batch.ageMsMax'), [30_000, 'default']);
  assert.deepEqual(told.get('hashtag'), [undefined, 'default']);
});

test('a section that holds only some of its settings leaves the others to their defaults', (t) => {
  const loaded = load(t, { config: '{"kafka": {"tls": {"ca": "ca.pem"}}}' });
  const told = explain(loaded).find(({ key }) => key === 'kafka.tls.enabled');
  assert.deepEqual([told?.value, told?.origin], [true, 'default']);
});

test('lines are in columns, and say when nothing is set', (t) => {
  const lines = explainLines(explain(load(t, {})));
  assert.match(
    lines.find((line) => line.startsWith('hashtag')) ?? '',
    /^hashtag +\(not set\) +default$/,
  );
  assert.match(lines.find((line) => line.startsWith('topic ')) ?? '', /^topic +"posts" +default$/);
});
