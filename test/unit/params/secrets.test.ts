// A secret reaches the client that needs it and nothing that prints.
import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { explain, explainLines } from '../../../params/explain.ts';
import { SETTING_KEYS } from '../../../params/keys.ts';
import { loadSettings } from '../../../params/load.ts';
import { Secret } from '../../../params/secret.ts';
import { isCode } from '../../../pipeline/errors.ts';
import { emptyDirectory, load, refusal } from './settings-files.ts';

const CANARY = 'canary-7f3a9';
const SECRETS = SETTING_KEYS.filter(({ secret }) => secret);

/** Every way in which a canary could be written and still be found. */
function assertHidden(text: string): void {
  const bytes = Buffer.from(CANARY);
  for (const form of [CANARY, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')]) {
    assert.ok(!text.includes(form), `a secret shows as ${form}`);
  }
}

const LOGIN = { KH_KAFKA__SASL__MECHANISM: 'plain', KH_KAFKA__SASL__USERNAME: 'u' };

test('the schema knows its secrets', () => {
  assert.deepEqual(
    SECRETS.map(({ path }) => path),
    ['kafka.sasl.password', 'hive.password', 'x.bearerToken', 'openMeteo.apiKey'],
  );
});

test('a secret is masked however the settings are printed', (t) => {
  const env = Object.fromEntries(SECRETS.map((key) => [key.env, CANARY]));
  const loaded = load(t, { env: { ...LOGIN, ...env } });
  assertHidden(explainLines(explain(loaded)).join('\n'));
  assertHidden(JSON.stringify(explain(loaded)));
  assertHidden(JSON.stringify(loaded.settings));
  assertHidden(inspect(loaded, { depth: 20, showHidden: true }));
  assertHidden(`${loaded.settings.config.hive.password}`);
  assert.equal(loaded.settings.config.hive.password?.reveal(), CANARY);
  assert.equal(loaded.settings.config.kafka.sasl?.password.reveal(), CANARY);
  const shown = explain(loaded).find(({ key }) => key === 'x.bearerToken');
  assert.deepEqual([shown?.value, shown?.origin], ['[secret]', 'env KH_X__BEARER_TOKEN']);
});

test('no error repeats a value, wherever a person put the secret by mistake', (t) => {
  const { error } = refusal(t, {
    params: `{"password": "${CANARY}", "topic": "${CANARY}!", "batch": {"size": "${CANARY}"}}`,
    config: `{"kafka": {"brokers": ["${CANARY}"], "sasl": "${CANARY}"}, "hive": {"password": ["${CANARY}"]},
      "hdfs": {"nameNodes": ["${CANARY}"]}, "x": {"apiUrl": "${CANARY}"}}`,
    env: {
      KH_HIVE__AUTH: CANARY,
      KH_HIVE__PASSWORD_FILE: `/${CANARY}`,
      KAFKA_AUTO_OFFSET_RESET: CANARY,
    },
    set: [`hive.password=${CANARY}`, `hive.port=${CANARY}`, `hive.passwort=${CANARY}`],
  });
  assertHidden(inspect(error, { depth: 20 }));
});

test('a file that is not JSON is not quoted', (t) => {
  assertHidden(inspect(refusal(t, { config: `{"hive": {"password": ${CANARY}}}` }).error));
});

test('a secret is refused on the command line', (t) => {
  const { lines } = refusal(t, { set: [`x.bearerToken=${CANARY}`] });
  assert.deepEqual(lines, [
    '--set x.bearerToken: a secret is not taken from the command line, where others can read it; set KH_X__BEARER_TOKEN or KH_X__BEARER_TOKEN_FILE',
  ]);
});

test('a token inside a list is as secret as any other', (t) => {
  const servers = `[{"url": "https://m.example", "token": "${CANARY}"}]`;
  const loaded = load(t, { env: { KH_MASTODON__SERVERS: servers } });
  assert.equal(loaded.settings.config.mastodon.servers[0]?.token?.reveal(), CANARY);
  assertHidden(explainLines(explain(loaded)).join('\n'));
  assertHidden(inspect(loaded, { depth: 20, showHidden: true }));
  const { lines } = refusal(t, { set: [`mastodon.servers=${servers}`] });
  assert.deepEqual(lines, [
    '--set mastodon.servers: a secret is not taken from the command line, where others can read it; set KH_MASTODON__SERVERS',
  ]);
});

test('a secret in a file is read anew each time it is revealed, without its last line break', (t) => {
  const file = join(emptyDirectory(t), 'password');
  writeFileSync(file, `${CANARY}\n`, { mode: 0o600 });
  const { settings, placeOf } = load(t, { env: { KH_HIVE__PASSWORD_FILE: file } });
  const { password } = settings.config.hive;
  assert.equal(password?.reveal(), CANARY);
  writeFileSync(file, 'rotated\r\n');
  assert.equal(password?.reveal(), 'rotated');
  assert.equal(placeOf('hive.password')?.name, 'KH_HIVE__PASSWORD_FILE');
  rmSync(file);
  assert.throws(
    () => password?.reveal(),
    (error) =>
      isCode(error, 'CONFIG_UNREADABLE') && /KH_HIVE__PASSWORD_FILE/.test(error.hint ?? ''),
  );
});

test('a secret file that is missing or empty, or a secret given twice, is told before anything starts', (t) => {
  const file = join(emptyDirectory(t), 'empty');
  writeFileSync(file, '\n');
  const { lines } = refusal(t, {
    env: {
      KH_HIVE__PASSWORD_FILE: join(file, 'nowhere'),
      KH_X__BEARER_TOKEN_FILE: file,
    },
  });
  assert.deepEqual(lines, [
    'KH_HIVE__PASSWORD_FILE hive.password: the secret file cannot be read (ENOTDIR)',
    'KH_X__BEARER_TOKEN_FILE x.bearerToken: the secret file is empty',
  ]);
  writeFileSync(file, 'x');
  const twice = refusal(t, { env: { KH_HIVE__PASSWORD: 'x', KH_HIVE__PASSWORD_FILE: file } });
  assert.deepEqual(twice.lines, [
    'KH_HIVE__PASSWORD_FILE: set this or KH_HIVE__PASSWORD, not both',
  ]);
});

test('a config file with a secret that everybody may read is warned about', (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'config.json');
  writeFileSync(file, `{"hive": {"password": "${CANARY}"}}`);
  const warningsAt = (mode: number) => {
    chmodSync(file, mode);
    return loadSettings({ directory, configFile: file, env: {} }).warnings;
  };
  assert.match(
    warningsAt(0o644).join(),
    /config\.json:1:11 hive\.password: every user .* chmod 600/,
  );
  assert.deepEqual(warningsAt(0o600), []);
  writeFileSync(file, '{"mastodon": {"servers": [{"url": "https://m.example"}]}}');
  assert.deepEqual(warningsAt(0o644), [], 'no token, no secret');
  writeFileSync(file, `{"mastodon": {"servers": [{"url": "https://m.example", "token": "x"}]}}`);
  assert.match(warningsAt(0o644).join(), /mastodon\.servers: .* KH_MASTODON__SERVERS$/);
});

test('a Secret prints as [secret] in every way', () => {
  const secret = new Secret(CANARY);
  assert.equal(
    `${secret} ${JSON.stringify({ secret })} ${inspect(secret)}`,
    '[secret] {"secret":"[secret]"} [secret]',
  );
});
