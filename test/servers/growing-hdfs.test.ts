// Files on HDFS that grow by CONCAT keep the law of growing files; parts that another has begun to move arrive once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HdfsGrowth } from '../../clients/files/growing-hdfs.ts';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { growingFilesContract } from '../contract/growing-files.contract.ts';
import { newPlace } from '../support/locations.ts';

const signal = new AbortController().signal;

function hdfs() {
  const { files, root } = newPlace('HDFS');
  assert.ok(files instanceof WebHdfs);
  return { files, root };
}

growingFilesContract('HDFS', async () => {
  const { files, root } = hdfs();
  return { files, root, growing: new HdfsGrowth(files), close: async () => files.close() };
});

test('a part that a process had staged when it died is added once, and one it had added is not added again', async () => {
  const { files, root } = hdfs();
  const growing = new HdfsGrowth(files);
  const at = `${root}/FR/Paris`;
  const target = `${at}/alerts.json`;
  const put = (path: string, text: string) => files.create(path, Buffer.from(text), signal);
  await put(`${at}/_part+a`, 'first\n');
  assert.equal(await files.renameNoReplace(`${at}/_part+a`, target, signal), 'moved');
  await growing.grow(`${at}/_part+a`, target, signal);
  await put(`${at}/_part+b`, 'second\n');
  assert.equal(await files.concat(`${at}/_part+b`, target, signal), 'moved');
  await growing.grow(`${at}/_part+b`, target, signal);
  await put(`${at}/_part+c`, 'third\n');
  await growing.grow(`${at}/_part+c`, target, signal);
  assert.equal((await files.read(target, signal))?.toString(), 'first\nsecond\nthird\n');
  const gone = `${at}/nothing`;
  assert.equal(await files.concat(gone, target, signal), 'source-missing');
  await put(gone, 'x\n');
  assert.equal(await files.concat(gone, `${target}-2`, signal), 'target-missing');
  files.close();
});
