// What the bootstrap says about missing tools, before anything is installed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAtLeast, missingPrerequisites, readVersion } from '../../../scripts/prerequisites.mjs';

test('versions are read from what the tools print', () => {
  assert.deepEqual(readVersion('openjdk version "17.0.15" 2025-04-15'), [17, 0, 15]);
  assert.deepEqual(readVersion('Apache Maven 3.8.7'), [3, 8, 7]);
  assert.deepEqual(readVersion('21'), [21, 0, 0]);
  assert.equal(readVersion('no number'), undefined);
});

test('a version is compared number by number, not as text', () => {
  assert.equal(isAtLeast([20, 19, 0], [20, 19]), true);
  assert.equal(isAtLeast([20, 9, 0], [20, 19]), false);
  assert.equal(isAtLeast([22, 0, 0], [20, 19]), true);
  assert.equal(isAtLeast([1, 8, 0], [17]), false);
});

test('nothing is said when everything is there', () => {
  assert.deepEqual(
    missingPrerequisites(['node', 'java', 'maven'], () => [99, 0, 0]),
    [],
  );
});

test('every missing or too old tool is named at once with the command that installs it', () => {
  const found: Record<string, number[] | undefined> = { node: [18, 19, 0], java: undefined };
  const said = missingPrerequisites(['node', 'java'], (name) => found[name], 'linux');
  assert.equal(said.length, 2);
  assert.match(said[0] ?? '', /Node\.js >= 20\.19 is needed, found 18\.19\.0/);
  assert.match(said[1] ?? '', /Java >= 17 is needed, not found/);
  assert.match(said[1] ?? '', /apt-get install -y openjdk-17/);
  assert.match(said[1] ?? '', /brew install openjdk@17/);
});

test('on a Mac only the command for a Mac is shown', () => {
  const [said = ''] = missingPrerequisites(['maven'], () => undefined, 'darwin');
  assert.match(said, /brew install maven/);
  assert.doesNotMatch(said, /apt-get/);
});
