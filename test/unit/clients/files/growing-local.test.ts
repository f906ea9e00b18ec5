// Files of a local disk that grow: whatever a process that died left behind is followed up, and a reader that polls all the time
// never sees a torn line, nor a gzip file that ends in the middle.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { LocalGrowth } from '../../../../clients/files/growing-local.ts';
import { LocalFiles } from '../../../../clients/files/local.ts';
import { growingFilesContract } from '../../../contract/growing-files.contract.ts';

const signal = new AbortController().signal;
const directories: string[] = [];
after(() => Promise.all(directories.map((path) => rm(path, { recursive: true }))));

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kh-growing-'));
  directories.push(path);
  return path;
}

growingFilesContract('a local disk', async () => ({
  files: new LocalFiles(),
  growing: new LocalGrowth(),
  root: await directory(),
  close: async () => {},
}));

const lines = (from: number, to: number, width = 0) =>
  Array.from({ length: to - from }, (_, index) => {
    return `${JSON.stringify({ n: from + index, text: 'x'.repeat(width) })}\n`;
  }).join('');

/** A file of 300 lines, and what stands beside it when a process dies while it adds 300 more. */
async function halfDone(name: string) {
  const root = await directory();
  const target = `${root}/FR/${name}`;
  const growing = new LocalGrowth();
  mkdirSync(`${root}/FR`);
  writeFileSync(`${root}/first`, lines(0, 300, 50));
  await growing.grow(`${root}/first`, target, signal);
  const before = readFileSync(target);
  const pending = `${root}/FR/_append+${before.length}+${name}`;
  writeFileSync(pending, lines(300, 600, 50));
  return { root, target, before, pending };
}

for (const name of ['alerts.json', 'alerts.json.gz']) {
  const read = (path: string) => {
    const content = readFileSync(path);
    const text = (name.endsWith('.gz') ? gunzipSync(content) : content).toString();
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line).n);
  };
  /** What the death left of `target`, between the part that was moved beside it and its removal. */
  const deaths: Record<string, (at: Awaited<ReturnType<typeof halfDone>>) => void> = {
    'before the first byte': () => {},
    'in the midst of the append': ({ target }) => appendFileSync(target, 'half a line of {"n":'),
    'when a power cut left zeros': ({ target }) => appendFileSync(target, Buffer.alloc(5000)),
    'while it copied the file': ({ root, target }) =>
      copyFileSync(target, `${root}/FR/_grown+${name}`),
  };
  for (const [when, leave] of Object.entries(deaths)) {
    test(`R01: an append to ${name} that died ${when} is done again, once`, async () => {
      const at = await halfDone(name);
      leave(at);
      // The next process, which was told to place the same entry: its part is gone from staging.
      const next = new LocalGrowth();
      await next.grow(`${at.root}/gone`, at.target, signal);
      const wanted = Array.from({ length: 600 }, (_, n) => n);
      assert.deepEqual(read(at.target), wanted);
      await new LocalGrowth().grow(`${at.root}/gone`, at.target, signal);
      assert.deepEqual(read(at.target), wanted);
      const left = (await readdir(`${at.root}/FR`)).filter((one) => one.startsWith('_append'));
      assert.deepEqual(left, []);
    });
  }

  test(`R01: an append to ${name} that died just before its part was removed changes nothing`, async () => {
    const at = await halfDone(name);
    copyFileSync(at.pending, `${at.root}/kept`);
    await new LocalGrowth().grow(`${at.root}/gone`, at.target, signal);
    copyFileSync(`${at.root}/kept`, at.pending);
    await new LocalGrowth().grow(`${at.root}/gone`, at.target, signal);
    assert.deepEqual(
      read(at.target),
      Array.from({ length: 600 }, (_, n) => n),
    );
  });
}

/** Polls `path` as fast as it can, in a thread of its own: every length it saw, with the last byte it read there. */
const READER = `
const { closeSync, fstatSync, openSync, readSync } = require('node:fs');
const { parentPort, receiveMessageOnPort, workerData: path } = require('node:worker_threads');
const seen = new Map(), byte = Buffer.alloc(1);
while (receiveMessageOnPort(parentPort) === undefined) {
  let fd;
  try { fd = openSync(path); } catch { continue; }
  for (let look = 0; look < 50; look += 1) {
    const { size } = fstatSync(fd);
    if (seen.has(size)) continue;
    if (size > 0) readSync(fd, byte, 0, 1, size - 1);
    seen.set(size, byte[0]);
  }
  closeSync(fd);
}
parentPort.postMessage([...seen]);
`;

/** Lines that are hard to compress. */
function noise(count: number): string {
  const bytes = randomBytes(90 * count).toString('hex');
  return Array.from({ length: count }, (_, index) => {
    return `${JSON.stringify({ text: bytes.slice(180 * index, 180 * index + 100 + (index % 80)) })}\n`;
  }).join('');
}

for (const name of ['alerts.json', 'alerts.json.gz']) {
  test(`a reader that polls ${name} from before it is there sees no torn line, nor an empty file`, async (t) => {
    const root = await directory();
    const target = `${root}/${name}`;
    const reader = new Worker(READER, { eval: true, workerData: target });
    await once(reader, 'online');
    const growing = new LocalGrowth();
    for (let round = 0; round < 8; round += 1) {
      // In one round a line is longer than a page: then the file is replaced.
      const long = round === 6 ? `${JSON.stringify({ text: noise(200) })}\n` : '';
      writeFileSync(`${root}/part`, noise(12_000) + long);
      await growing.grow(`${root}/part`, target, signal);
    }
    reader.postMessage('enough');
    const [seen] = (await once(reader, 'message')) as [[number, number][]];
    t.diagnostic(`${seen.length} lengths seen`);
    const whole = readFileSync(target);
    for (const [size, byte] of name.endsWith('.gz') ? seen.slice(0, 60) : seen) {
      assert.notEqual(size, 0, 'it was there and empty: as a gzip file that is broken');
      const shown = whole.subarray(0, size);
      const text = name.endsWith('.gz') ? gunzipSync(shown) : shown;
      assert.equal(text.at(-1), 0x0a, `a reader saw ${size} bytes`);
      if (!name.endsWith('.gz')) assert.equal(byte, 0x0a, `a reader read ${size} bytes`);
    }
  });
}
