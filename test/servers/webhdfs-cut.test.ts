// What a DataNode says to a body that is cut on its way: why `create` takes its 201 for a file that is whole.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { eventually } from '../support/eventually.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

const signal = new AbortController().signal;
const { nameNodes } = stackEndpoints().hdfs;
const files = new WebHdfs({ nameNodes, user: 'hdfs', requestTimeoutMs: 20_000 });
const root = `/tmp/${uniqueName('cut')}`;
before(() => files.makeDirectory(root, signal));
after(async () => {
  await files.remove(root, signal);
  files.close();
});

const DECLARED = 200_000;

/** Sends the first `sent` of the declared bytes, then ends; what the DataNode answered until it closed. */
async function answerTo(path: string, sent: number): Promise<string> {
  const [nameNode = ''] = nameNodes;
  const create = 'op=CREATE&user.name=hdfs&noredirect=true';
  const asked = await fetch(`${nameNode}/webhdfs/v1${path}?${create}`, { method: 'PUT' });
  const { Location } = (await asked.json()) as { Location: string };
  const { host, hostname, port, pathname, search } = new URL(Location);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  const head = `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: ${DECLARED}\r\n\r\n`;
  const closed = once(socket, 'close');
  await new Promise((written) => socket.write(head + 'x'.repeat(sent), written));
  socket.end();
  await closed;
  return answer;
}

for (const sent of [0, DECLARED / 2, DECLARED - 1]) {
  test(`${sent} of ${DECLARED} bytes: the DataNode does not say 201, though a short file stands`, async () => {
    const path = `${root}/${sent}`;
    assert.doesNotMatch(await answerTo(path, sent), / 201 /);
    await eventually(async () => assert.equal((await files.status(path, signal))?.bytes, sent));
  });
}

test('every byte that was declared: it says 201, and the file has them', async () => {
  assert.match(await answerTo(`${root}/whole`, DECLARED), / 201 /);
  assert.equal((await files.status(`${root}/whole`, signal))?.bytes, DECLARED);
});
