// HDFS over WebHDFS against the real servers: the law of a FileSystem, and what is said when something is wrong.
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { WebHdfs, type WebHdfsSettings } from '../../clients/files/webhdfs.ts';
import { FileLedger } from '../../consumer/ledger.ts';
import { type ErrorCode, PipelineError } from '../../pipeline/errors.ts';
import { fileSystemContract } from '../contract/file-system.contract.ts';
import { ledgerContract } from '../contract/ledger.contract.ts';
import { rollUpContract } from '../contract/roll-up.contract.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const signal = new AbortController().signal;

function settings(changes: Partial<WebHdfsSettings> = {}): WebHdfsSettings {
  const { nameNodes } = stackEndpoints().hdfs;
  return { nameNodes, user: 'hdfs', requestTimeoutMs: 20_000, ...changes };
}

/** A directory on the HDFS of the stack that goes with the test. */
async function directory() {
  const files = new WebHdfs(settings());
  const root = `/tmp/${uniqueName('files')}`;
  await files.makeDirectory(root, signal);
  const close = async () => {
    await files.remove(root, signal);
    files.close();
  };
  return { files, root, close };
}

/** A server on a free port that treats each connection as told. */
async function listen(server: Server): Promise<{ url: string; close: () => void }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const isError = (code: ErrorCode, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof PipelineError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /namenoderpcaddress|user\.name|webhdfs\/v1/);
  assert.ok(error.hint, 'it says what to do');
  return true;
};

fileSystemContract('HDFS', directory);

for (const contract of [ledgerContract, rollUpContract]) {
  contract('the file ledger on HDFS', async () => {
    const { files, root, close } = await directory();
    return { writer: () => new FileLedger(files, root), close };
  });
}

describe('WebHDFS', () => {
  let at: Awaited<ReturnType<typeof directory>>;
  before(async () => {
    at = await directory();
  });
  after(() => at?.close());

  test('a large body arrives whole', async () => {
    const content = Buffer.alloc(20_000_000, 'x');
    await at.files.create(`${at.root}/large`, content, signal);
    assert.equal((await at.files.status(`${at.root}/large`, signal))?.bytes, 20_000_000);
  });

  test('ledger entries are committed and read without listing a directory', async () => {
    const files = new WebHdfs(settings());
    const ledger = new FileLedger(files, `${at.root}/counted`);
    const of = { topic: 'counted', partition: 0 };
    await ledger.origin(of, 0n, signal);
    for (const start of [0n, 10n, 20n]) {
      await ledger.commit(
        {
          ...{ ...of, start, end: start + 10n, kind: 'batch', attempt: 'a', files: [], rows: 0 },
          ...{ deadLetters: 10, skipped: 0, last: undefined, at: 0 },
        },
        signal,
      );
    }
    assert.equal((await ledger.read(of, 20n, signal))?.end, 30n);
    const { LISTSTATUS, CREATE, RENAME } = files.requests;
    assert.equal(LISTSTATUS, undefined);
    assert.equal(CREATE, 8, 'one at the NameNode and one at the DataNode for each of four entries');
    assert.equal(RENAME, 5, 'one for each, and one more after the directory was made');
    files.close();
  });

  test('a user without rights is told who may not do what where', async () => {
    await at.files.create(`${at.root}/owned`, Buffer.from('x'), signal);
    const stranger = new WebHdfs(settings({ user: 'stranger' }));
    const denied = isError('HDFS_REJECTED', /AccessControlException.*user=stranger/);
    const path = `${at.root}/denied`;
    await assert.rejects(stranger.create(path, Buffer.from('x'), signal), denied);
    await assert.rejects(stranger.makeDirectory(path, signal), denied);
    await assert.rejects(stranger.renameNoReplace(`${at.root}/owned`, path, signal), denied);
    await assert.rejects(stranger.remove(`${at.root}/owned`, signal), denied);
    stranger.close();
  });

  test('a refused connection is HDFS_UNAVAILABLE and names the address', async () => {
    const gone = await listen(createServer());
    gone.close();
    const files = new WebHdfs(settings({ nameNodes: [gone.url] }));
    await assert.rejects(
      files.status('/', signal),
      isError('HDFS_UNAVAILABLE', /NameNode 127\.0\.0\.1:\d+: connection refused/),
    );
  });

  test('an unknown host is HDFS_UNAVAILABLE and says so', async () => {
    const files = new WebHdfs(settings({ nameNodes: ['http://no-such-host.invalid:9870'] }));
    await assert.rejects(
      files.status('/', signal),
      isError('HDFS_UNAVAILABLE', /no-such-host\.invalid:9870: host name not found/),
    );
  });

  test('the next NameNode is asked when the first refuses, and remembered', async () => {
    const gone = await listen(createServer());
    gone.close();
    const nameNodes = [gone.url, ...settings().nameNodes];
    const files = new WebHdfs(settings({ nameNodes }));
    assert.equal((await files.status(at.root, signal))?.type, 'directory');
    assert.equal((await files.status(at.root, signal))?.type, 'directory');
    assert.equal(files.requests['GETFILESTATUS'], 3);
    files.close();
  });

  test('F08: a NameNode on standby is passed over', async () => {
    const standby = await listen(
      createHttpServer((_, response) => {
        response.writeHead(403, { 'content-type': 'application/json' });
        const exception = 'StandbyException';
        response.end(JSON.stringify({ RemoteException: { exception, message: 'not active' } }));
      }),
    );
    const nameNodes = [standby.url, ...settings().nameNodes];
    const both = new WebHdfs(settings({ nameNodes }));
    await both.create(`${at.root}/standby`, Buffer.from('x'), signal);
    const alone = new WebHdfs(settings({ nameNodes: [standby.url] }));
    await assert.rejects(
      alone.status('/', signal),
      isError('HDFS_UNAVAILABLE', /StandbyException/),
    );
    both.close();
    alone.close();
    standby.close();
  });

  test('a server that accepts and never answers is given up after requestTimeoutMs', async () => {
    const hole = await listen(createServer());
    const files = new WebHdfs(settings({ nameNodes: [hole.url], requestTimeoutMs: 300 }));
    const began = performance.now();
    await assert.rejects(
      files.status('/', signal),
      isError('HDFS_UNAVAILABLE', /no answer within 300 ms/),
    );
    assert.ok(performance.now() - began < 3000);
    await assert.rejects(
      files.renameNoReplace('/a', '/b', signal),
      isError('SINK_OUTCOME_UNKNOWN', /sent, but not answered/),
    );
    files.close();
    hole.close();
  });

  test('a DataNode that is gone, or swallows all, is HDFS_UNAVAILABLE', async () => {
    const hole = await listen(createServer());
    const gone = await listen(createServer());
    gone.close();
    for (const [dataNode, says] of [
      [gone, /DataNode .*connection refused/],
      [hole, /DataNode .*no answer within 300 ms/],
    ] as const) {
      // Only the address differs from what a NameNode answers.
      const nameNode = await listen(
        createHttpServer((_, response) => {
          response.end(
            JSON.stringify({ Location: `${dataNode.url}/webhdfs/v1/x?delegation=s3cret` }),
          );
        }),
      );
      const files = new WebHdfs(settings({ nameNodes: [nameNode.url], requestTimeoutMs: 300 }));
      const failure = files.create('/x', Buffer.alloc(30_000_000), signal);
      await assert.rejects(failure, (error) => {
        assert.doesNotMatch(JSON.stringify(error) + String(error), /s3cret/);
        return isError('HDFS_UNAVAILABLE', says)(error);
      });
      files.close();
      nameNode.close();
    }
    hole.close();
  });

  test('a server that is no WebHDFS is told as that, its HTML is not quoted', async () => {
    for (const [status, code] of [
      [404, 'HDFS_REJECTED'],
      [200, 'HDFS_REJECTED'],
      [503, 'HDFS_UNAVAILABLE'],
      [401, 'HDFS_REJECTED'],
    ] as const) {
      const other = await listen(
        createHttpServer((_, response) => {
          response.writeHead(status, { 'content-type': 'text/html' });
          response.end('<html><body><h1>Welcome</h1></body></html>');
        }),
      );
      const files = new WebHdfs(settings({ nameNodes: [other.url] }));
      const expected = isError(code, new RegExp(`HTTP ${status}`));
      await assert.rejects(files.status('/', signal), expected);
      await assert.rejects(files.create('/x', Buffer.from('x'), signal), expected);
      await assert.rejects(files.read('/x', signal), expected);
      files.close();
      other.close();
    }
  });

  test('the RPC port of the NameNode is no WebHDFS either', async () => {
    const nameNodes = [stackEndpoints().hdfs.uri.replace(/^hdfs/, 'http')];
    const files = new WebHdfs(settings({ nameNodes }));
    await assert.rejects(files.status('/', signal), isError('HDFS_REJECTED', /HTTP 404/));
  });

  test('a server that ignores renameoptions is refused: it could not decide anything', async () => {
    const httpFs = await listen(
      createHttpServer((_, response) => {
        response.setHeader('content-type', 'application/json');
        response.end('{"boolean":true}');
      }),
    );
    const files = new WebHdfs(settings({ nameNodes: [httpFs.url] }));
    await assert.rejects(
      files.renameNoReplace('/a', '/b', signal),
      isError('HDFS_REJECTED', /renameoptions/),
    );
    files.close();
    httpFs.close();
  });

  test('a kept connection that the server closed in the meantime costs no error', async () => {
    let answered = 0;
    const closing = await listen(
      createServer((socket) => {
        let asked = 0;
        socket.on('data', () => {
          asked += 1;
          // The second request on a connection meets a server that has just hung up.
          if (asked === 2) return socket.destroy();
          answered += 1;
          const body = JSON.stringify({ FileStatus: { type: 'FILE', length: 7 } });
          return socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
        });
      }),
    );
    const files = new WebHdfs(settings({ nameNodes: [closing.url] }));
    for (const _ of [1, 2, 3]) assert.equal((await files.status('/x', signal))?.bytes, 7);
    assert.equal(answered, 3);
    files.close();
    closing.close();
  });

  test('an upload that is aborted ends with the reason of the abort', async () => {
    const controller = new AbortController();
    const hole = await listen(createServer());
    const nameNode = await listen(
      createHttpServer((_, response) => {
        response.end(JSON.stringify({ Location: `${hole.url}/x` }));
        setTimeout(() => controller.abort(new Error('stop now')), 50);
      }),
    );
    const files = new WebHdfs(settings({ nameNodes: [nameNode.url] }));
    await assert.rejects(
      files.create('/x', Buffer.alloc(30_000_000), controller.signal),
      /stop now/,
    );
    files.close();
    nameNode.close();
    hole.close();
  });
});
