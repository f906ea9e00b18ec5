// The commit-msg hook, called as git calls it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

function exitCodeFor(t: TestContext, message: string): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'kafka-hive-hook-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'message');
  writeFileSync(file, message);
  return spawnSync('sh', [join(root, 'scripts/hooks/commit-msg'), file]).status;
}

test('a message of the form type(area): what now holds is taken', (t) => {
  assert.equal(exitCodeFor(t, 'feat(consumer): a batch is cut by age\n\nWhy.\n'), 0);
  assert.equal(exitCodeFor(t, '# a comment\nfix(clients/kafka): a seek is gated\n'), 0);
  assert.equal(exitCodeFor(t, 'Merge branch "x"\n'), 0);
});

test('a message of another form is refused', (t) => {
  assert.equal(exitCodeFor(t, 'fixed it\n'), 1);
  assert.equal(exitCodeFor(t, 'feat: without an area\n'), 1);
  assert.equal(exitCodeFor(t, 'chore(deps): an unknown type\n'), 1);
  assert.equal(exitCodeFor(t, 'docs(readme): ends with a full stop.\n'), 1);
  assert.equal(exitCodeFor(t, `docs(readme): ${'long '.repeat(30)}end\n`), 1);
});
