// The doubles as a person starts them: what is printed is enough to read from them.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { after, suite, test } from 'node:test';
import { configSchema } from '../../../params/schema.ts';
import { systemClock } from '../../../pipeline/clock.ts';
import { silentLog } from '../../../pipeline/log.ts';
import { BlueskySource } from '../../../producer/sources/bluesky.ts';
import { readUntil } from '../../support/source-reading.ts';

const children: ChildProcess[] = [];
after(() => children.map((child) => child.kill('SIGKILL')));

function double(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/doubles/main.ts', ...args]);
  children.push(child);
  return child;
}

suite('a double by hand', () => {
  test('prints the lines of config.json that lead to it, and misbehaves when told', async () => {
    const child = double('bluesky', '--rate', '100', '--hashtag', '#Hive');
    const printed: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      printed.push(line);
      if (line.startsWith('Faults to type')) break;
    }
    const snippet = printed.slice(printed.findIndex((line) => line.includes('"bluesky"')));
    const json = snippet.slice(0, snippet.indexOf('')).join('\n');
    const { hosts } = configSchema.parse(JSON.parse(`{${json}}`)).bluesky;
    const source = new BlueskySource({
      ...{ hosts, hashtags: ['hive'], languages: [], retryMs: 30_000 },
      ...{ log: silentLog, clock: systemClock, limits: { pauseFactor: 0.02 } },
    });
    let first = 0;
    await readUntil(source, undefined, (ids, { id }) => {
      if (id === [...ids.keys()][0]) first += 1;
      if (id === [...ids.keys()][4] && first === 1) child.stdin.write('drop\n');
      return first > 1;
    });
    assert.ok(first > 1, 'read again after the drop');
  });

  test('says how it is used when it is asked for what it is not', async () => {
    const child = double('reddit');
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 2);
    assert.match(said, /usage: npm run double/);
  });
});
