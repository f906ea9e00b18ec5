// TLS and passwords against a HiveServer2 of its own: logins are asked of an LDAP double. The http transport
// stands in front of it as a double: HiveServer2's own needs a library that cannot be fetched.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import { HiveClient } from '../../clients/hive/session.ts';
import { configSchema } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { describe } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { javaCommand } from '../../stack/java.ts';
import { up, wipe } from '../../stack/launch.ts';
import { type HiveHttpDouble, startHiveHttp } from '../doubles/hive-http.ts';
import { type LdapDouble, startLdap } from '../doubles/ldap.ts';
import { never } from '../support/hive.ts';

const PASSWORD = 'canary-password';
const directory = mkdtempSync(join(tmpdir(), 'kafka-hive-secured-hive-'));
const dataDir = join(directory, 'stack');
const ports = { binary: 0, http: 0 };
let ldap: LdapDouble;
let http: HiveHttpDouble | undefined;

/** A key store and the certificate in it, self-signed for localhost: it is its own authority. */
function certificate(name: string): { store: string; pem: string } {
  const keytool = join(dirname(javaCommand()), 'keytool');
  const store = join(directory, `${name}.p12`);
  const pem = join(directory, `${name}.pem`);
  const access = ['-alias', name, '-keystore', store, '-storepass', 'changeit'];
  const key = ['-keyalg', 'EC', '-storetype', 'PKCS12', '-validity', '2'];
  const names = ['-dname', `CN=${name}`, '-ext', 'SAN=dns:localhost'];
  execFileSync(keytool, ['-genkeypair', ...access, ...key, ...names], { stdio: 'pipe' });
  execFileSync(keytool, ['-exportcert', '-rfc', '-file', pem, ...access], { stdio: 'pipe' });
  return { store, pem };
}

before(async () => {
  ldap = await startLdap(new Map([['uid=pipeline,ou=people,dc=test', PASSWORD]]));
  const { store, pem } = certificate('server');
  certificate('other');
  const endpoints = await up({
    dataDir,
    services: ['hive'],
    ports: 'free',
    log: silentLog,
    signal: never,
    hiveSite: {
      'hive.server2.authentication': 'LDAP',
      'hive.server2.authentication.ldap.url': ldap.url,
      'hive.server2.authentication.ldap.userDNPattern': 'uid=%s,ou=people,dc=test',
      'hive.server2.use.SSL': 'true',
      'hive.server2.keystore.path': store,
      'hive.server2.keystore.type': 'PKCS12',
      'hive.server2.keystore.password': 'changeit',
    },
  });
  ports.binary = endpoints.hive.port;
  const upstream = { host: 'localhost', port: ports.binary, ca: pem };
  http = await startHiveHttp(upstream, store);
  ports.http = http.port;
});

after(async () => {
  await wipe({ dataDir, log: silentLog });
  ldap.close();
  http?.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(changes: Record<string, unknown> = {}): Promise<HiveClient> {
  const transport = changes['transport'] === 'http' ? 'http' : 'binary';
  const { hive } = configSchema.parse({
    hive: {
      host: 'localhost',
      port: ports[transport],
      auth: 'password',
      username: 'pipeline',
      password: PASSWORD,
      tls: { ca: join(directory, 'server.pem') },
      ...changes,
    },
  });
  return HiveClient.open(hive, { log: silentLog, clock: systemClock }, never);
}

const spelled = [PASSWORD, Buffer.from(`pipeline:${PASSWORD}`).toString('base64')];

/** Fails with this code, with a hint, and without the password in anything that could be printed. */
async function fails(opening: Promise<HiveClient>, code: string, words: RegExp) {
  await assert.rejects(opening, (error: Error & { code?: string; hint?: string }) => {
    const printed = inspect(error, { depth: 20, showHidden: true });
    assert.equal(error.code, code, describe(error));
    assert.match(error.message, words);
    assert.match(error.message, /localhost:\d+/);
    assert.ok(error.hint);
    for (const secret of spelled) assert.ok(!printed.includes(secret), 'the password is printed');
    return true;
  });
}

for (const transport of ['binary', 'http'] as const) {
  test(`the right certificate and password let us in (${transport})`, async () => {
    const hive = await open({ transport });
    try {
      const [row] = await hive.query(
        'SELECT logged_in_user() AS who, 9007199254740993 AS big',
        never,
      );
      assert.deepEqual(row, { who: 'pipeline', big: 9007199254740993n });
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, n) => hive.query(`SELECT ${n} AS n`, never)),
      );
      assert.deepEqual(
        answers.flat().map(({ n }) => n),
        [0, 1, 2, 3, 4, 5],
      );
      await assert.rejects(hive.query('SELECT * FROM no_such_table', never), {
        code: 'HIVE_REJECTED',
        message: /no_such_table/,
      });
    } finally {
      await hive.close();
    }
  });

  test(`a wrong password is HIVE_REJECTED (${transport})`, async () => {
    await fails(
      open({ transport, password: `${PASSWORD}-wrong` }),
      'HIVE_REJECTED',
      /refused the login/,
    );
  });

  test(`a certificate of another authority is HIVE_TLS (${transport})`, async () => {
    const tls = { ca: join(directory, 'other.pem') };
    await fails(open({ transport, tls }), 'HIVE_TLS', /certificate|signature/);
    await fails(open({ transport, tls: {} }), 'HIVE_TLS', /certificate|signature/);
  });

  test(`a certificate for another name is HIVE_TLS, unless that name is expected (${transport})`, async () => {
    const ca = join(directory, 'server.pem');
    const wrong = open({ transport, tls: { ca, serverName: 'hive.example' } });
    await fails(wrong, 'HIVE_TLS', /altnames/);
    const hive = await open({ transport, host: '127.0.0.1', tls: { ca, serverName: 'localhost' } });
    await hive.close();
  });

  test(`plain text to a server that expects TLS ends in time (${transport})`, async () => {
    const opening = open({ transport, tls: undefined, connectTimeoutMs: 3000 });
    await assert.rejects(opening, (error: Error & { code?: string; hint?: string }) => {
      assert.match(error.code ?? '', /^HIVE_(UNAVAILABLE|REJECTED)$/);
      assert.match(error.hint ?? '', /tls/);
      return true;
    });
  });
}
