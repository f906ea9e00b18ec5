// WebHDFS over TLS: a front with a certificate stands before the real NameNode. Certificates are always checked.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { isCode } from '../../pipeline/errors.ts';
import { javaCommand } from '../../stack/java.ts';
import { stackEndpoints } from '../support/stack.ts';

const { signal } = new AbortController();
const PASSPHRASE = 'changeit';

describe('WebHDFS over TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kh-tls-'));
  const [nameNode = ''] = stackEndpoints().hdfs.nameNodes;
  let front: Server;
  let url = '';

  /** Makes a certificate that is its own authority, `<name>.pem`, with its key in `<name>.p12`. */
  function certificate(name: string, host: string): void {
    const keytool = join(dirname(javaCommand()), 'keytool');
    const store = ['-keystore', join(directory, `${name}.p12`), '-storepass', PASSPHRASE];
    const key = ['-alias', name, '-keyalg', 'RSA', '-dname', 'CN=test', '-ext', `SAN=${host}`];
    const file = ['-alias', name, '-rfc', '-file', join(directory, `${name}.pem`)];
    execFileSync(keytool, ['-genkeypair', ...key, ...store], { stdio: 'pipe' });
    execFileSync(keytool, ['-exportcert', ...file, ...store], { stdio: 'pipe' });
  }

  before(async () => {
    certificate('front', 'dns:namenode.test');
    certificate('other', 'dns:namenode.test');
    const pfx = readFileSync(join(directory, 'front.p12'));
    front = createServer({ pfx, passphrase: PASSPHRASE }, (asked, answer) => {
      const to = new URL(asked.url ?? '/', nameNode);
      const forwarded = request(to, { method: asked.method }, (response) => {
        answer.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(answer);
      });
      asked.pipe(forwarded);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
  });
  after(() => {
    front?.close();
    rmSync(directory, { recursive: true });
  });

  const files = (tls: { ca?: string; serverName?: string }) => {
    const settings = { nameNodes: [url], user: 'hdfs', requestTimeoutMs: 10_000 };
    return new WebHdfs({ ...settings, tls: { enabled: true, ...tls } });
  };
  const ca = join(directory, 'front.pem');

  test('a NameNode whose certificate our authority signed is trusted', async () => {
    const trusting = files({ ca, serverName: 'namenode.test' });
    assert.equal((await trusting.status('/', signal))?.type, 'directory');
    trusting.close();
  });

  const wrong: [why: string, tls: { ca?: string; serverName?: string }][] = [
    ['an authority nobody named', { serverName: 'namenode.test' }],
    ['another authority', { ca: join(directory, 'other.pem'), serverName: 'namenode.test' }],
    ['another host name', { ca }],
  ];
  for (const [why, tls] of wrong) {
    test(`a certificate of ${why} is refused, with the setting to look at`, async () => {
      const refusing = files(tls);
      await assert.rejects(
        refusing.status('/', signal),
        (error) => isCode(error, 'HDFS_REJECTED') && /hdfs\.tls\.ca/.test(error.hint ?? ''),
      );
      refusing.close();
    });
  }

  test('bytes are not sent to a DataNode in plain text when the NameNode is reached by TLS', async () => {
    const trusting = files({ ca, serverName: 'namenode.test' });
    await assert.rejects(
      trusting.create('/tmp/never', Buffer.from('x'), signal),
      (error) => isCode(error, 'HDFS_REJECTED') && /by plain http/.test(error.message),
    );
    trusting.close();
  });
});
