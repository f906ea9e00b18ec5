// A log that a test listens to: what a command says is the event to wait for.
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { createLog, type Log } from '../../pipeline/log.ts';
import { eventually } from './eventually.ts';

export interface HeardLog {
  readonly log: Log;
  /** Every line so far, as text. */
  readonly lines: readonly string[];
  /** Resolves when `count` lines match, from the beginning on. */
  until(pattern: RegExp, count?: number, withinMs?: number): Promise<void>;
}

export function heardLog(): HeardLog {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk).trimEnd());

      done();
    },
  });
  return {
    log: createLog({ level: 'info', format: 'pretty', stream }),
    lines,
    until: (pattern, count = 1, withinMs = 60_000) =>
      eventually(() => {
        const matching = lines.filter((line) => pattern.test(line)).length;
        assert.ok(
          matching >= count,
          `${matching} of ${count} times ${pattern}:\n${lines.join('\n')}`,
        );
      }, withinMs),
  };
}
