// The stamp that says that node_modules is what package-lock.json names.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isInstalled, markInstalled } from '../../../scripts/install.mjs';

test('an installation counts as complete only under the lock it was made from', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'kafka-hive-install-'));
  t.after(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3}');
  assert.equal(isInstalled(root), false, 'nothing installed');
  markInstalled(root);
  assert.equal(isInstalled(root), true);
  writeFileSync(join(root, 'package-lock.json'), '{"lockfileVersion":3,"packages":{}}');
  assert.equal(isInstalled(root), false, 'the lock changed');
});
