// --monitoring: its lines in the exercise's words, its figures, and the table on a terminal.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { LiveTable } from '../../../monitor/live-table.ts';
import { Monitoring } from '../../../monitor/monitoring.ts';
import { FURTHER, Statistics } from '../../../monitor/statistics.ts';
import { PipelineError } from '../../../pipeline/errors.ts';
import { createLog } from '../../../pipeline/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { batchAt, entryOf } from './world.ts';

function collecting(isTTY = false) {
  const told = { text: '' };
  const stream = new Writable({
    write(chunk, _, done) {
      told.text += chunk;
      done();
    },
  });
  return { told, stream: Object.assign(stream, { isTTY, columns: 40 }) };
}

test('statistics of a stretch: rate, latency, batch sizes, spread, errors, repetitions', () => {
  const clock = new ManualClock(100_000);
  const statistics = new Statistics(clock);
  const first = batchAt(
    0n,
    Array.from({ length: 99 }, () => 99_990),
  );
  statistics.placed(first, entryOf(first, { 'FR/Paris': 98 }, 1), true);
  const second = batchAt(99n, [97_000]);
  statistics.placed(second, entryOf(second, { 'DE/Köln': 1 }), true);
  statistics.placed(second, entryOf(second, { 'DE/Köln': 1 }), false);
  statistics.retried();
  clock.at(104_000);
  const summary = statistics.take();
  assert.equal(summary.messages, 100);
  assert.equal(summary.perSecond, 25);
  // The histogram keeps three digits.
  assert.ok(Math.abs(summary.latencyMs.mean - (99 * 10 + 3000) / 100) < 0.1);
  assert.ok(summary.latencyMs.p99 < 20, 'one in a hundred does not count');
  assert.deepEqual([summary.batches, summary.batchesPerMinute], [2, 30]);
  assert.deepEqual(summary.recordsPerBatch, { mean: 50, max: 99 });
  assert.deepEqual(summary.locations, [
    ['FR/Paris', 98],
    ['DE/Köln', 1],
  ]);
  assert.deepEqual([summary.errorRate, summary.retryRate], [0.01, 0.5]);
  // It begins anew.
  clock.at(105_000);
  assert.deepEqual(
    { ...statistics.take(), seconds: 0 },
    {
      ...{ seconds: 0, messages: 0, perSecond: 0, latencyMs: { mean: 0, p99: 0 }, batches: 0 },
      ...{ batchesPerMinute: 0, recordsPerBatch: { mean: 0, max: 0 }, locations: [] },
      ...{ errorRate: 0, retryRate: 0 },
    },
  );
});

test('more locations than can be remembered are counted together', () => {
  const statistics = new Statistics(new ManualClock());
  const batch = batchAt(0n, [1]);
  const many = Object.fromEntries(Array.from({ length: 10_002 }, (_, at) => [`XX/${at}`, 1]));
  statistics.placed(batch, entryOf(batch, many), true);
  const { locations } = statistics.take();
  assert.equal(locations.length, 10_001);
  assert.deepEqual(locations[0], [FURTHER, 2]);
});

test('what is written where is told in the words of the exercise, and the rest of an interval at the end', async () => {
  const { told, stream } = collecting();
  const log = createLog({ level: 'info', format: 'json', stream });
  const clock = new ManualClock();
  const monitoring = new Monitoring({ log, clock, intervalMs: 3_600_000 });
  const batch = batchAt(0n, [0, 0, 0]);
  monitoring.placed(batch, entryOf(batch, { 'FR/Paris': 2, 'DE/Köln': 1 }), true);
  monitoring.retried('placing', new PipelineError('HDFS_UNAVAILABLE', 'gone'));
  clock.at(2000);
  await monitoring.close();
  const lines = told.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ message }) => message),
    [
      'Processed 2 messages, wrote to FR/Paris/',
      'Processed 1 messages, wrote to DE/Köln/',
      'Batch flush: 3 records to 2 locations',
      'Performance: 1.5 msg/sec avg',
    ],
  );
  const { time, level, message, ...figures } = lines[3];
  assert.deepEqual(figures, {
    ...{ messages: 3, total: 3, latencyMs: { mean: 1, p99: 1 }, batches: 1 },
    ...{ recordsPerBatch: { mean: 3, max: 3 }, flushesPerMinute: 30, locations: 2 },
    ...{ top: { 'FR/Paris': 2, 'DE/Köln': 1 }, errorRate: 0, retryRate: 1 },
  });
});

test('a batch over many locations does not write a line for each', async () => {
  const { told, stream } = collecting();
  const log = createLog({ level: 'info', format: 'json', stream });
  const monitoring = new Monitoring({ log, clock: new ManualClock(), intervalMs: 3_600_000 });
  const batch = batchAt(0n, [0]);
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`XX/${at}`, 1]));
  monitoring.placed(batch, entryOf(batch, many), true);
  await monitoring.close();
  assert.equal(told.text.match(/Processed 1 messages/g)?.length, 10);
  assert.match(told.text, /and to 990 more locations/);
  assert.match(told.text, /Batch flush: 1000 records to 1000 locations/);
});

test('the live table is drawn in its place, and log lines stay above it', () => {
  const { told, stream } = collecting(true);
  const table = new LiveTable(stream);
  table.draw([
    ['messages', '5 /s'],
    ['top', `a\u001b[31mred ${'x'.repeat(100)}`],
  ]);
  assert.deepEqual(
    told.text.split('\n').map((line) => line.length),
    [14, 39, 0],
  );
  assert.ok(!told.text.includes('\u001b'), 'nothing that a record says steers the terminal');
  told.text = '';
  table.above(stream).write('a log line\n');
  const [up, down] = ['\u001b[2A', '\u001b[0J'];
  assert.ok(told.text.startsWith(`${up}${down}a log line\nmessages  5 /s\n`), told.text);
  told.text = '';
  table.erase();
  assert.equal(told.text, `${up}${down}`);
  table.erase();
  assert.equal(told.text, `${up}${down}`, 'once');
});

test('a terminal that does not know its width is taken to have 80 columns', () => {
  const { told, stream } = collecting(true);
  new LiveTable(Object.assign(stream, { columns: 0 })).draw([['messages', '5 /s']]);
  assert.equal(told.text, 'messages  5 /s\n');
});
