// Reporter of node:test used by scripts/test.ts: one readable line per test on standard output, and one JSON line per
// test in the file KH_TEST_RESULTS, written at once so that a killed file keeps what it had shown.
import { appendFileSync } from 'node:fs';

const MARKS = { pass: '✔', fail: '✖', skip: '﹣' };

const note = (entry) => appendFileSync(process.env.KH_TEST_RESULTS, `${JSON.stringify(entry)}\n`);

function reasonOf(data) {
  const error = data.details?.error;
  const cause = error?.cause ?? error;
  const text = cause?.stack ?? cause?.message ?? String(cause);
  return text.replaceAll('\n', '\n      ');
}

export default async function* report(events) {
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:dequeue') note({ running: data.name });
    if (type === 'test:start') {
      path.length = data.nesting;
      path.push(data.name);
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    path.length = data.nesting;
    const name = [...path, data.name].join(' › ');
    const isSuite = data.details?.type === 'suite';
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const result =
      type === 'test:fail' && data.todo === undefined ? 'fail' : skipped ? 'skip' : 'pass';
    // A suite, or a test with subtests, that failed only because of them says nothing new.
    const echo = data.details?.error?.failureType === 'subtestsFailed';
    if ((isSuite && result !== 'fail') || (isSuite && echo)) continue;
    const reason = result === 'fail' && !echo ? reasonOf(data) : undefined;
    note({ name, result, reason });
    const why = typeof data.skip === 'string' ? ` # ${data.skip}` : '';
    yield `  ${MARKS[result]} ${name} (${Math.round(data.details?.duration_ms ?? 0)} ms)${why}\n`;
    if (reason) yield `      ${reason}\n`;
  }
}
