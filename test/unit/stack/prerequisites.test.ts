// What stands in the way of a start is named with the command that installs it.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PipelineError } from '../../../pipeline/errors.ts';
import {
  checkPrerequisites,
  isAtLeast,
  javaVersion,
  mavenVersion,
} from '../../../stack/prerequisites.ts';

const before = { PATH: process.env['PATH'], JAVA_HOME: process.env['JAVA_HOME'] };
let directory: string;

function tool(name: string, prints: string): void {
  writeFileSync(join(directory, name), `#!/bin/sh\necho '${prints}'\n`);
  chmodSync(join(directory, name), 0o755);
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'prerequisites-'));
  process.env['PATH'] = directory;
  delete process.env['JAVA_HOME'];
});

afterEach(() => {
  for (const [key, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[key];
    else process.env[key] = value;
  }
  rmSync(directory, { recursive: true });
});

const refusal = async () => {
  try {
    await checkPrerequisites();
  } catch (error) {
    assert.ok(error instanceof PipelineError);
    assert.equal(error.code, 'STACK_PREREQUISITE');
    return `${error.message} ${error.hint}`;
  }
  return assert.fail('nothing was missing');
};

const JAVA_17 = 'openjdk version "17.0.15" 2025-04-15';
const MAVEN_3 = 'Apache Maven 3.8.7';

test('versions are read from what java and mvn print', () => {
  assert.equal(javaVersion(JAVA_17), '17.0.15');
  assert.equal(javaVersion('java version "1.8.0_392"'), '8.0');
  assert.equal(javaVersion('openjdk version "21" 2023-09-19'), '21');
  assert.equal(javaVersion('command not found'), undefined);
  assert.equal(mavenVersion('Apache Maven 3.9.6 (bc02)'), '3.9.6');
});

test('versions are compared number by number, not letter by letter', () => {
  assert.ok(isAtLeast('20.19.0', '20.19'));
  assert.ok(isAtLeast('20.100', '20.19'));
  assert.ok(!isAtLeast('20.9', '20.19'));
  assert.ok(!isAtLeast('8.0', '17'));
  assert.ok(isAtLeast('17', '17.0.0'));
});

test('Java and Maven that are new enough are accepted', async () => {
  tool('java', JAVA_17);
  tool('mvn', MAVEN_3);
  await checkPrerequisites();
});

test('a missing Java is named with the command of the package manager that is there', async () => {
  tool('mvn', MAVEN_3);
  tool('dnf', '');
  const words = await refusal();
  assert.match(words, /there is no Java.*17 or newer.*dnf install -y java-17-openjdk-headless/);
});

test('a Java that is too old is named with its version', async () => {
  tool('java', 'java version "1.8.0_392"');
  tool('mvn', MAVEN_3);
  tool('apt-get', '');
  assert.match(await refusal(), /Java 8\.0 is too old.*apt-get install -y openjdk-17/);
});

test('a missing Maven is named with the command that installs it', async () => {
  tool('java', JAVA_17);
  tool('apt-get', '');
  assert.match(await refusal(), /there is no Maven.*apt-get install -y maven/);
});

test('JAVA_HOME that points nowhere is part of the hint', async () => {
  tool('java', JAVA_17);
  tool('mvn', MAVEN_3);
  process.env['JAVA_HOME'] = join(directory, 'gone');
  assert.match(await refusal(), /there is no Java.*JAVA_HOME/);
});
