// The test of the chaos run: a fault planted into the delivery is found, by name of the rows, within few schedules.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { PLANTS } from '../chaos/schedule.ts';

const RUN = join(import.meta.dirname, '../chaos/run.ts');

/** Runs the chaos run on the stack of this test run, where it hurts its own processes only. */
async function chaos(...args: string[]): Promise<{ code: number | null; said: string }> {
  const stack = process.env['KH_TEST_STACK'] ?? '';
  const child = spawn(process.execPath, ['--import', 'tsx', RUN, '--stack', stack, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, said };
}

for (const plant of PLANTS) {
  test(`with ${plant} planted, a chaos run ends with 1 and names the rows`, async () => {
    const { code, said } = await chaos('--plant', plant, '--sink', 'hive-load-local');
    assert.equal(code, 1, said);
    // A record by its topic, partition and offset, and the ledger entries around it.
    assert.match(
      said,
      /^ {2}(lost|doubled|invented): \w+-0@\d+: .*record 0-\d+.*\(ledger: /m,
      said,
    );
    assert.match(said, new RegExp(`^again: npm run chaos -- .*--plant ${plant}$`, 'm'), said);
    const kept = /^logs of .*: (\/.*)$/m.exec(said)?.[1];
    assert.ok(kept !== undefined, said);
    rmSync(dirname(kept), { recursive: true, force: true });
  });
}
