// What becomes of the errors of driver, thrift, sockets and server: code, words, hint, and no secret in any of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { connectionError, shortWords, statementError } from '../../../../clients/hive/errors.ts';

const AT = 'hive.example:10000';
const withCode = (code: string) => Object.assign(new Error(`it says ${code}`), { code });

test('network errors are HIVE_UNAVAILABLE and certificate errors HIVE_TLS', () => {
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE']) {
    assert.equal(connectionError(AT, withCode(code)).code, 'HIVE_UNAVAILABLE', code);
  }
  for (const code of [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'CERT_HAS_EXPIRED',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
  ]) {
    assert.equal(connectionError(AT, withCode(code)).code, 'HIVE_TLS', code);
  }
});

test('every error names the address and says what to do', () => {
  for (const error of [
    withCode('ECONNREFUSED'),
    withCode('CERT_HAS_EXPIRED'),
    { statusCode: 404 },
  ]) {
    const told = connectionError(AT, error);
    assert.match(told.message, /hive\.example:10000/);
    assert.ok(told.hint);
  }
});

test('a refused login of the http transport says so and keeps nothing of the request', () => {
  const thrown = Object.assign(new Error('bad HTTP status code: 401'), {
    statusCode: 401,
    response: { req: { headers: { Authorization: 'Basic aGl2ZTpjYW5hcnk=' } } },
  });
  const told = connectionError(AT, thrown);
  assert.equal(told.code, 'HIVE_REJECTED');
  assert.match(told.message, /login/);
  assert.doesNotMatch(inspect(told, { depth: 20, showHidden: true }), /aGl2ZTpjYW5hcnk/);
});

test('a wrong http path is refused for good, a failing proxy may recover', () => {
  assert.equal(connectionError(AT, { statusCode: 404 }).code, 'HIVE_REJECTED');
  assert.equal(connectionError(AT, { statusCode: 503 }).code, 'HIVE_UNAVAILABLE');
});

test('the words of the server are one line without the Java stack', () => {
  const message =
    'FAILED: SemanticException [Error 10001]: Table not found x\n\tat org.apache.A.b(A.java:1)\n\tat c';
  assert.equal(shortWords(message), 'FAILED: SemanticException [Error 10001]: Table not found x');
  assert.ok(shortWords('x '.repeat(5000)).length < 700);
});

test('a statement that carries values of records leaves only classes and numbers of the answer', () => {
  const message = `Error while compiling statement: FAILED: ParseException line 1:9 cannot recognize input near 'canary' 'x'`;
  const told = statementError(AT, { message, errorCode: 40000, sqlState: '42000' }, true);
  assert.equal(told.code, 'HIVE_REJECTED');
  assert.match(told.message, /ParseException/);
  assert.doesNotMatch(told.message, /canary/);
});

test('a failed job or a metastore that is away may be tried again', () => {
  for (const message of [
    'FAILED: Execution Error, return code 2 from org.apache.hadoop.hive.ql.exec.mr.MapRedTask',
    'MetaException(message:Got exception: java.net.ConnectException Connection refused)',
    'org.apache.hadoop.hdfs.server.namenode.SafeModeException: Cannot create directory',
  ]) {
    const told = statementError(AT, { message, errorCode: 2, sqlState: '08S01' }, false);
    assert.equal(told.code, 'HIVE_UNAVAILABLE', message);
  }
});

test('a session that fails because a server behind HiveServer2 is away may be opened later, a refused login may not', () => {
  const refused = (message: string) => Object.assign(new Error(message), { name: 'Status Error' });
  const opening = 'Failed to open new session: java.net.';
  for (const why of ['ConnectException: Call From a to b failed', 'EOFException: End of File']) {
    assert.equal(connectionError(AT, refused(opening + why)).code, 'HIVE_UNAVAILABLE', why);
  }
  const wrong = connectionError(AT, refused('PLAIN auth failed: Error validating the login'));
  assert.equal(wrong.code, 'HIVE_REJECTED');
});
