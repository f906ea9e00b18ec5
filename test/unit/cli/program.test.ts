// The command line answers wrong usage, wrong settings and questions about itself without connecting anywhere.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kafkaHive, workingDirectory } from './command-line.ts';

const COMMANDS = [
  'stack',
  'producer',
  'consumer',
  'consumer-from-position',
  'positions',
  'verify',
  'report',
  'config',
];

const ask = (t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  kafkaHive(args, { env, directory: workingDirectory(t) });

for (const command of COMMANDS) {
  test(`${command} --help shows examples and the common options`, async (t) => {
    const { exit, stdout, stderr } = await ask(t, [command, '--help']);
    assert.deepEqual([exit, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^Usage: kafka-hive ${command} `));
    assert.match(stdout, /Examples:\n {2}\S/);
    assert.match(stdout, /--set <path=value>/);
  });
}

test('--version prints the version of the package and nothing else', async (t) => {
  const { exit, stdout } = await ask(t, ['--version']);
  assert.equal(exit, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('without a command the help goes to standard error, with exit 2', async (t) => {
  const { exit, stdout, stderr } = await ask(t, []);
  assert.deepEqual([exit, stdout], [2, '']);
  assert.match(stderr, /^Usage: kafka-hive /);
});

const WRONG: readonly [args: string[], first: string][] = [
  [['prodcer'], "error USAGE: unknown command 'prodcer' (Did you mean producer?)"],
  [['consumer', '--tpoic', 'a'], "error USAGE: unknown option '--tpoic' (Did you mean --topic?)"],
  [['consumer', '--topic'], "error USAGE: option '--topic <name>' argument missing"],
  [
    ['producer', 'a', '--partition-switch', '30'],
    "error USAGE: option '--partition-switch <duration>' argument '30' is invalid. Expected 30s, 10m or 1h.",
  ],
  [['positions', 'set'], "error USAGE: missing required argument 'positions'"],
  [['positions', 'set', 'x'], "error USAGE: expected partition:offset, got 'x'"],
  [['consumer-from-position', '--force'], 'error USAGE: --force needs a --from to go to'],
];
for (const [args, first] of WRONG) {
  test(`"${args.join(' ')}" is told in one line and a hint, with exit 2`, async (t) => {
    const { exit, stdout, stderr } = await ask(t, args);
    assert.deepEqual([exit, stdout], [2, '']);
    const lines = stderr.trimEnd().split('\n');
    assert.equal(lines[0], first);
    assert.match(lines[1] ?? '', /^ {2}hint: /);
    assert.equal(lines.length, 2);
  });
}

test('a password given as an option that does not exist is not repeated', async (t) => {
  const { exit, stderr } = await ask(t, ['consumer', '--password=canary-7f3a9']);
  assert.equal(exit, 2);
  assert.doesNotMatch(stderr, /canary/);
});

test('wrong settings end every command with exit 2 and all problems, before it connects', async (t) => {
  const env = { KH_BATCH__SIZE: '0', KH_HIVE__PORT: 'x' };
  for (const args of [['producer', 'a'], ['consumer'], ['verify'], ['positions', 'show']]) {
    const { exit, stdout, stderr } = await ask(t, args, env);
    assert.deepEqual([exit, stdout], [2, '']);
    assert.deepEqual(stderr.split('\n').slice(0, 3), [
      'error CONFIG_INVALID: 2 problems',
      '  KH_BATCH__SIZE batch.size: expected a whole number from 1 to 1000000',
      '  KH_HIVE__PORT hive.port: expected a whole number from 1 to 65535',
    ]);
  }
});

test('config check says what is valid, and what is wrong with file, line and column', async (t) => {
  const directory = workingDirectory(t);
  assert.deepEqual(await kafkaHive(['config', 'check'], { directory }), {
    exit: 0,
    stdout: 'the settings are valid\n',
    stderr: '',
  });
  mkdirSync(join(directory, 'params'));
  writeFileSync(join(directory, 'params/params.json'), '{\n  "batch": {"size": -1}\n}');
  const wrong = await kafkaHive(['config', 'check'], { directory });
  assert.equal(wrong.exit, 2);
  assert.equal(
    wrong.stderr.split('\n')[0],
    'error CONFIG_INVALID: params/params.json:2:13 batch.size: expected a whole number from 1 to 1000000',
  );
});

test('config print --json is one document with every setting, its value and its origin', async (t) => {
  const args = ['config', 'print', '--json', '--set', 'topic=a', '--log-level', 'warn'];
  const { exit, stdout } = await ask(t, args, { KH_HIVE__PASSWORD: 'canary-7f3a9' });
  assert.equal(exit, 0);
  const settings: { key: string; value: unknown; origin: string }[] = JSON.parse(stdout);
  const told = new Map(settings.map(({ key, value, origin }) => [key, [value, origin]]));
  assert.deepEqual(told.get('topic'), ['a', 'flag --set']);
  assert.deepEqual(told.get('log.level'), ['warn', 'flag --log-level']);
  assert.deepEqual(told.get('hive.password'), ['[secret]', 'env KH_HIVE__PASSWORD']);
  assert.deepEqual(told.get('hashtag'), [null, 'default']);
});

test('the producer without a hashtag, without credentials or without input says what to give it', async (t) => {
  const cases: readonly [args: string[], told: RegExp][] = [
    [['producer'], /^error USAGE: the source x needs a hashtag/],
    [
      ['producer', '#kafka'],
      /^error CONFIG_CREDENTIALS_MISSING: .*bearer token.*`--source bluesky`/s,
    ],
    [['producer', '--raw'], /^error USAGE: the source lines needs an input/],
    [['producer', 'a b'], /^error CONFIG_INVALID: argument hashtag\.0: expected a hashtag/],
    [['producer', '#2026'], /^error CONFIG_INVALID: argument hashtag\.0: .*not of digits alone/],
  ];
  for (const [args, told] of cases) {
    const { exit, stderr } = await ask(t, args);
    assert.equal(exit, 2, stderr);
    assert.match(stderr, told);
  }
});
