// What a run ends with, and how its error is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommanderError } from 'commander';
import { errorLines, exitCodeOf } from '../../../cli/exit-codes.ts';
import { PipelineError, Stopping } from '../../../pipeline/errors.ts';

test('each family of errors has its exit code', () => {
  const codes = ['CONFIG_INVALID', 'KAFKA_UNAVAILABLE', 'HIVE_REJECTED', 'POSITION_GAP'] as const;
  const exits = codes.map((code) => exitCodeOf(new PipelineError(code, 'x')));
  assert.deepEqual(exits, [2, 3, 4, 5]);
  assert.equal(exitCodeOf(new PipelineError('STACK_PORT_TAKEN', 'x')), 6);
  assert.equal(exitCodeOf(new PipelineError('VERIFY_FAILED', 'x')), 1);
});

test('being told to stop, and showing help, are no errors', () => {
  assert.equal(exitCodeOf(new Stopping('SIGINT')), 0);
  assert.equal(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', '')), 0);
  assert.equal(exitCodeOf(new CommanderError(1, 'commander.unknownOption', '')), 2);
  assert.deepEqual(errorLines(new Stopping('SIGINT'), true), []);
});

test('an error is one line with its code, and one with what to do', () => {
  const error = new PipelineError('HIVE_REJECTED', 'no such table', { hint: 'Create it.' });
  assert.deepEqual(errorLines(error, false), [
    'error HIVE_REJECTED: no such table',
    '  hint: Create it.',
  ]);
  const log = new PipelineError('STACK_START_FAILED', 'broker 1 ended\nlast line of its log');
  assert.deepEqual(errorLines(log, false), [
    'error STACK_START_FAILED: broker 1 ended',
    '  last line of its log',
  ]);
});

test('an error nobody foresaw is a BUG with exit 70; its stack and causes show at debug only', () => {
  const error = new TypeError('x is not a function', { cause: new Error('deeper') });
  assert.equal(exitCodeOf(error), 70);
  assert.equal(exitCodeOf('thrown text'), 70);
  const plain = errorLines(error, false);
  assert.match(plain.join('\n'), /^error BUG: x is not a function\n {2}hint: Please report it/);
  assert.equal(plain.length, 2);
  const debug = errorLines(error, true).join('\n');
  assert.match(debug, /exit-codes\.test\.ts/);
  assert.match(debug, /caused by Error: deeper/);
  assert.equal(
    errorLines('thrown text', false)[0],
    'error BUG: something was thrown that is no error',
  );
});
