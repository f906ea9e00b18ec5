// Log lines, for programs and for people.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createLog, type LogFormat, type LogLevel } from '../../../pipeline/log.ts';

function open(level: LogLevel, format: LogFormat) {
  const stream = new PassThrough({ encoding: 'utf8' });
  const log = createLog({ level, format, stream });
  return { log, text: () => String(stream.read() ?? '') };
}

test('a line of JSON holds time, level, message and fields, offsets as decimal strings', () => {
  const { log, text } = open('info', 'json');
  log.with({ topic: 'posts' }).warn('late', { offset: 9007199254740993n, why: new Error('slow') });
  const { time, ...rest } = JSON.parse(text());
  assert.match(time, /^\d{4}-\d\d-\d\dT/);
  assert.deepEqual(rest, {
    level: 'warn',
    message: 'late',
    topic: 'posts',
    offset: '9007199254740993',
    why: 'slow',
  });
});

test('fields of a line go before those it was bound with', () => {
  const { log, text } = open('info', 'json');
  log.with({ partition: 1 }).info('x', { partition: 2 });
  assert.equal(JSON.parse(text()).partition, 2);
});

test('what is below the level is not written', () => {
  const { log, text } = open('warn', 'json');
  log.debug('no');
  log.info('no');
  log.error('yes');
  assert.equal(JSON.parse(text()).message, 'yes');
  const silent = open('silent', 'json');
  silent.log.error('no');
  assert.equal(silent.text(), '');
});

test('a pretty line is read by a person: time, level, message, fields that are set', () => {
  const { log, text } = open('debug', 'pretty');
  log.debug('placed', { start: 5n, missing: undefined, range: { end: 7n } });
  assert.match(text(), /^\d\d:\d\d:\d\d\.\d{3} debug placed start=5 range=\{"end":"7"\}\n$/);
});
