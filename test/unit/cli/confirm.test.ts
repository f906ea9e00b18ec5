// Questions to a person: asked on a terminal only, and only a yes is a yes.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { suite, test } from 'node:test';
import { confirmOnTerminal } from '../../../cli/confirm.ts';

const terminal = (isTTY: boolean) => Object.assign(new PassThrough(), { isTTY });
const { signal } = new AbortController();

suite('questions on a terminal', () => {
  for (const [typed, expected] of [
    ['y', true],
    ['Yes', true],
    ['', false],
    ['no', false],
    ['yesterday', false],
  ] as const) {
    test(`"${typed}" means ${expected ? 'yes' : 'no'}`, async () => {
      const [stdin, stderr] = [terminal(true), terminal(true)];
      stdin.write(`${typed}\n`);
      assert.equal(await confirmOnTerminal(stdin, stderr, signal)?.('Really?'), expected);
      assert.match(String(stderr.read()), /Really\? \[y\/N\]/);
    });
  }

  test('nobody is asked where input or output is no terminal', () => {
    assert.equal(confirmOnTerminal(terminal(false), terminal(true), signal), undefined);
    assert.equal(confirmOnTerminal(terminal(true), terminal(false), signal), undefined);
  });
});
