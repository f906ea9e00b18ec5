// Artifacts are complete and unchanged, or the file that is not is named. Maven is a script here; real fetches are
// part of every first start.
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { PipelineError, Stopping } from '../../../pipeline/errors.ts';
import { createLog, silentLog } from '../../../pipeline/log.ts';
import {
  type ArtifactLock,
  differences,
  ensureArtifact,
  lockDirectory,
  lockFile,
  settle,
} from '../../../stack/artifacts.ts';
import { COORDINATES } from '../../../stack/coordinates.ts';
import { downloadedBytes } from '../../../stack/maven.ts';
import { SERVICES } from '../../../stack/node.ts';
import { pomXml } from '../../../stack/pom.ts';
import { eventually } from '../../support/eventually.ts';

const path = process.env['PATH'];
let directory: string;
let home: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'artifacts-'));
  home = join(directory, 'home');
});

afterEach(() => {
  process.env['PATH'] = path;
  rmSync(directory, { recursive: true });
});

function maven(script: string): void {
  writeFileSync(join(directory, 'mvn'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, 'mvn'), 0o755);
  process.env['PATH'] = `${directory}:${path}`;
}

const options = () => ({ log: silentLog, signal: new AbortController().signal, home });

async function refusal(work: Promise<unknown>): Promise<PipelineError> {
  const error = await work.then(
    () => assert.fail('it was accepted'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof PipelineError);
  return error;
}

test('a changed, a shortened and a missing file are each named', async () => {
  const lib = join(directory, 'lib');
  mkdirSync(lib);
  for (const name of ['a.jar', 'b.jar', 'c.jar', 'd.jar']) writeFileSync(join(lib, name), name);
  const locked = await lockDirectory(directory);
  assert.deepEqual(await differences(directory, locked), []);
  writeFileSync(join(lib, 'a.jar'), 'A.jar');
  writeFileSync(join(lib, 'b.jar'), 'b');
  rmSync(join(lib, 'c.jar'));
  assert.deepEqual(await differences(directory, locked), [
    'lib/a.jar has another checksum',
    'lib/b.jar has 1 bytes instead of 5',
    'lib/c.jar is missing',
  ]);
});

test('the lock knows the pinned version of every named dependency, and no jar twice', () => {
  const lock = JSON.parse(readFileSync(lockFile(), 'utf8')) as ArtifactLock;
  for (const service of SERVICES) {
    const { version, dependencies } = COORDINATES[service];
    const files = Object.keys(lock[`${service}-${version}`] ?? {});
    for (const dependency of dependencies) {
      const [, artifact, pinned] = dependency.replace('!', '').split(':');
      assert.ok(files.includes(`lib/${artifact}-${pinned}.jar`), dependency);
    }
    assert.equal(files.filter((file) => !/^(lib|scripts)\//.test(file)).length, 0);
  }
});

test('a pom leaves the same out of every dependency, and everything out of one marked with !', () => {
  const pom = pomXml('x', {
    version: '1',
    dependencies: ['g:a:1', 'g:b:2!'],
    leftOut: ['bad:*'],
  });
  assert.match(
    pom,
    /<artifactId>a<\/artifactId><version>1<\/version><exclusions><exclusion><groupId>bad/,
  );
  assert.match(pom, /<version>2<\/version><exclusions><exclusion><groupId>\*<\/groupId>/);
});

test('only lines about finished downloads count, in their unit', () => {
  const line = '[INFO] Downloaded from central: https://host/x/y.jar (1.5 MB at 3.0 MB/s)';
  assert.equal(downloadedBytes(line), 1_500_000);
  assert.equal(
    downloadedBytes('[INFO] Downloaded from central: https://host/y.pom (12 kB)'),
    12_000,
  );
  assert.equal(downloadedBytes('[INFO] Downloading from central: https://host/y.jar'), undefined);
});

test('a fetch that brings other bytes names the file and how to get rid of it, and leaves nothing', async () => {
  // The directory is in -Dstack.out=...
  maven(`for arg; do case $arg in -Dstack.out=*) out=\${arg#-Dstack.out=};; esac; done
mkdir -p $out/lib; echo bad > $out/lib/kafka_2.13-4.3.1.jar`);
  const error = await refusal(ensureArtifact('kafka', options()));
  assert.equal(error.code, 'STACK_ARTIFACT');
  assert.match(error.message, /kafka-4\.3\.1: lib\/.*\.jar is missing.* and \d+ more/);
  assert.match(error.hint ?? '', /find ~\/\.m2\/repository -name '.*\.jar' -delete/);
  assert.deepEqual(readdirSync(home), []);
});

test("what Maven says about a failed fetch is in the error, without Maven's stack", async () => {
  maven("echo '[ERROR] Could not find artifact g:a:jar:1 in central'; exit 1");
  const error = await refusal(ensureArtifact('hdfs', options()));
  assert.equal(error.code, 'STACK_ARTIFACT');
  assert.match(error.message, /hdfs 3\.4\.3.*exit 1.*Could not find artifact g:a:jar:1/);
});

test('a missing Maven is a missing prerequisite', async () => {
  process.env['PATH'] = directory;
  const error = await refusal(ensureArtifact('kafka', options()));
  assert.equal(error.code, 'STACK_PREREQUISITE');
});

test('aborting a fetch ends Maven and leaves nothing half-fetched', async () => {
  const pidFile = join(directory, 'pid');
  maven(`echo $$ > ${pidFile}; sleep 600`);
  const controller = new AbortController();
  const work = ensureArtifact('kafka', { ...options(), signal: controller.signal });
  const refused = work.then(
    () => assert.fail('it was accepted'),
    (error: unknown) => error,
  );
  const pid = await eventually(() => {
    const text = readFileSync(pidFile, 'utf8');
    assert.match(text, /\d+\n/);
    return Number(text);
  });
  controller.abort(new Stopping('SIGINT'));
  assert.ok((await refused) instanceof Stopping);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.deepEqual(readdirSync(home), []);
});

test('what a killed fetch left behind is removed by the next one', async () => {
  mkdirSync(join(home, '.fetch-hive-4194305'), { recursive: true });
  maven('exit 1');
  await refusal(ensureArtifact('kafka', options()));
  assert.ok(!existsSync(join(home, '.fetch-hive-4194305')));
});

test('two starts that fetch at once both get it, and what the first one put there stays', async () => {
  const fetched = (name: string, text = 'jar') => {
    mkdirSync(join(home, name, 'lib'), { recursive: true });
    writeFileSync(join(home, name, 'lib', 'a.jar'), text);
    return join(home, name);
  };
  const [one, two] = [fetched('one'), fetched('two')];
  const locked = await lockDirectory(one);
  const standing = join(home, 'standing');
  await Promise.all([settle(one, standing, locked), settle(two, standing, locked)]);
  const { ino } = statSync(standing);
  await settle(fetched('three'), standing, locked);
  assert.equal(statSync(standing).ino, ino);
  writeFileSync(join(standing, 'lib', 'a.jar'), 'damaged');
  await settle(fetched('four'), standing, locked);
  assert.deepEqual(await differences(standing, locked), []);
});

test('progress names jars and megabytes, but no host and no path', async () => {
  const stream = new PassThrough();
  const log = createLog({ level: 'info', format: 'json', stream });
  maven(`echo 'Downloaded from central: https://some.host/a/b.jar (2.0 MB at 1 MB/s)'`);
  await refusal(ensureArtifact('kafka', { ...options(), log }));
  const told = String(stream.read());
  assert.match(told, /kafka 4\.3\.1: 1 jars, 2\.0 MB/);
  assert.ok(!told.includes('some.host') && !told.includes(home));
});
