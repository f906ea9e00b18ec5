// From the location of a table to the file system that reaches it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LocalFiles } from '../../../../clients/files/local.ts';
import { openLocation } from '../../../../clients/files/location.ts';
import { encodePath } from '../../../../clients/files/name-nodes.ts';
import { WebHdfs } from '../../../../clients/files/webhdfs.ts';
import { isCode } from '../../../../pipeline/errors.ts';

const hdfs = { nameNodes: ['http://127.0.0.1:9870'], user: 'hdfs', requestTimeoutMs: 1000 };

describe('locations', () => {
  const cases: [location: string, kind: typeof LocalFiles | typeof WebHdfs, path: string][] = [
    ['hdfs://127.0.0.1:8020/user/hive/warehouse/t', WebHdfs, '/user/hive/warehouse/t'],
    ['hdfs://nameservice1/t/', WebHdfs, '/t'],
    ['hdfs:/t', WebHdfs, '/t'],
    ['webhdfs://nn:9870/a b/50%', WebHdfs, '/a b/50%'],
    ['file:/tmp/t', LocalFiles, '/tmp/t'],
    ['file:///tmp/t', LocalFiles, '/tmp/t'],
    ['/tmp/t/', LocalFiles, '/tmp/t'],
    ['hdfs://nn/', WebHdfs, '/'],
  ];
  for (const [location, kind, path] of cases) {
    test(`${location} is ${path} through ${kind.name}`, () => {
      const located = openLocation(location, hdfs);
      assert.ok(located.files instanceof kind);
      assert.equal(located.path, path);
      located.files.close();
    });
  }

  for (const location of ['s3a://bucket/t', 'relative/path', '', 'hdfs://nn']) {
    test(`${location || 'an empty location'} is refused`, () => {
      assert.throws(
        () => openLocation(location, hdfs),
        (error) => isCode(error, 'CONFIG_INVALID'),
      );
    });
  }

  test('a certificate that cannot be read is told before anything is asked', () => {
    const tls = { enabled: true, ca: '/no/such/ca.pem' };
    assert.throws(
      () => openLocation('hdfs://nn/t', { ...hdfs, tls }),
      (error) =>
        isCode(error, 'CONFIG_UNREADABLE') && error.message.includes('hdfs.tls.ca /no/such/ca.pem'),
    );
  });

  test('every part of a path is percent-encoded, the slashes are not', () => {
    assert.equal(encodePath('/a b/50%/x+y/ü?#'), '/a%20b/50%25/x%2By/%C3%BC%3F%23');
  });
});
