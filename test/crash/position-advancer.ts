// The child of position-file.test.ts: advances four partitions as fast as it can and says what was acknowledged.
import { writeSync } from 'node:fs';
import { FilePositionStore } from '../../consumer/positions/file.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { PipelineError } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';

const [file = '', padding = '0'] = process.argv.slice(2);
const store = new FilePositionStore({
  file,
  destination: 'default.posts',
  log: silentLog,
  clock: systemClock,
});

/** Written at once, so that a kill cannot take back what was said. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function advanceForEver(partition: number): Promise<void> {
  const of = { topic: 'posts', partition };
  for (let start = (await store.last(of))?.end ?? 0n; ; start += 1n) {
    await store.advance({ ...of, start, end: start + 1n, attempt: `${start}` });
    say(`${partition}:${start + 1n}`);
  }
}

try {
  await store.open(new AbortController().signal);
  say('open');
  // `padding` entries of long names make the file outgrow a limit on its size.
  const others = Array.from({ length: Number(padding) }, (_, index) => index);
  const grow = others.map((index) =>
    store.advance({
      topic: `${'x'.repeat(200)}${index}`,
      ...{ partition: 0, start: 0n, end: 1n, attempt: '0' },
    }),
  );
  await Promise.all(grow);
  await Promise.all([0, 1, 2, 3].map(advanceForEver));
} catch (error) {
  if (!(error instanceof PipelineError)) throw error;
  say(`error ${error.code} ${error.message}`);
  process.exit(error.exit);
}
