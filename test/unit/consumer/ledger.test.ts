// The file ledger on a local disk: its law, and that nothing unreadable is ever taken for an entry.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { LocalFiles } from '../../../clients/files/local.ts';
import { entryPath, FileLedger, stagingPath } from '../../../consumer/ledger.ts';
import { formatEntry, parseEntry } from '../../../consumer/ledger-entry.ts';
import { isCode } from '../../../pipeline/errors.ts';
import type { BatchRecord } from '../../../pipeline/ledger.ts';
import { anEntry, ledgerContract } from '../../contract/ledger.contract.ts';
import { rollUpContract } from '../../contract/roll-up.contract.ts';

const signal = new AbortController().signal;
const of = { topic: 'posts', partition: 3 };

for (const contract of [ledgerContract, rollUpContract]) {
  contract('the file ledger on a local disk', async () => {
    const root = await mkdtemp(join(tmpdir(), 'kh-ledger-'));
    return {
      writer: () => new FileLedger(new LocalFiles(), root),
      close: () => rm(root, { recursive: true }),
    };
  });
}

describe('the file ledger', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'kh-ledger-'));
  });
  after(() => rm(root, { recursive: true }));

  const place = async (path: string, content: string | Buffer) => {
    await mkdir(dirname(`${root}/${path}`), { recursive: true });
    await writeFile(`${root}/${path}`, content);
  };
  const good = formatEntry(anEntry(of, 10n, 20n)).toString();
  const broken: [name: string, content: string | Buffer][] = [
    ['an empty file', ''],
    ['a file of zeros', Buffer.alloc(512)],
    ['an entry cut short', good.slice(0, good.length / 2)],
    ['a JSON array', '[]'],
    ['another version', good.replace('"version":1', '"version":2')],
    ['the entry of another topic', good.replace('"topic":"posts"', '"topic":"other"')],
    ['the entry of another partition', good.replace('"partition":3', '"partition":4')],
    ['the entry of another start', good.replace('"start":"10"', '"start":"11"')],
    ['an entry that ends where it starts', good.replace('"end":"20"', '"end":"10"')],
    ['an entry with a number for an offset', good.replace('"end":"20"', '"end":20')],
    ['an entry of an unknown kind', good.replace('"kind":"batch"', '"kind":"guess"')],
    ['an entry without files', good.replace('"files":[', '"folders":[')],
    ['an entry with negative rows', good.replace('"rows":8', '"rows":-8')],
  ];
  for (const [name, content] of broken) {
    test(`${name} is POSITION_CORRUPT and names the file`, async () => {
      await place(entryPath(of, 10n), content);
      const ledger = new FileLedger(new LocalFiles(), root);
      const corrupt = (error: unknown) =>
        isCode(error, 'POSITION_CORRUPT') &&
        error.message.includes(`${root}/_ledger/posts/3/10.json`);
      await assert.rejects(ledger.read(of, 10n, signal), corrupt);
      await assert.rejects(ledger.commit(anEntry(of, 10n, 15n), signal), corrupt);
      assert.equal(
        (await readFile(`${root}/${entryPath(of, 10n)}`)).compare(Buffer.from(content)),
        0,
        'and it is left as it was',
      );
    });
  }

  test('a broken origin is POSITION_CORRUPT, not a new origin', async () => {
    const broken = { topic: 'broken', partition: 0 };
    await place(entryPath(broken, 'origin'), '{"version":1,');
    const ledger = new FileLedger(new LocalFiles(), root);
    await assert.rejects(ledger.origin(broken, 0n, signal), (error) =>
      isCode(error, 'POSITION_CORRUPT'),
    );
  });

  test('deciding an origin leaves nothing staged', async () => {
    const fresh = { topic: 'fresh', partition: 0 };
    await new FileLedger(new LocalFiles(), root).origin(fresh, 5n, signal);
    assert.deepEqual(await readdir(dirname(`${root}/${stagingPath(fresh, 'origin')}`)), []);
  });

  test('a staged entry that somebody removed is told as that, and nothing is committed', async () => {
    const swept = { topic: 'swept', partition: 0 };
    class Sweeping extends LocalFiles {
      override async renameNoReplace(from: string, to: string, by: AbortSignal) {
        await this.remove(from, by);
        return super.renameNoReplace(from, to, by);
      }
    }
    const ledger = new FileLedger(new Sweeping(), root);
    await assert.rejects(
      ledger.commit(anEntry(swept, 0n, 5n), signal),
      (error) => isCode(error, 'POSITION_CORRUPT') && /vanished/.test(error.message),
    );
    assert.equal(await ledger.read(swept, 0n, signal), undefined);
  });

  test('every entry reads back as it was written', () => {
    const plain = { noNullPrototype: true };
    const count = fc.nat();
    const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 2n });
    const file = fc.record(
      {
        staged: fc.string({ unit: 'binary' }),
        final: fc.string(),
        tablePartition: fc.string(),
        rows: count,
        bytes: fc.maxSafeNat(),
      },
      plain,
    );
    const last = fc.record({ offset, timestamp: fc.integer(), checksum: fc.string() }, plain);
    const entries = fc.record(
      {
        topic: fc.string(),
        partition: count,
        start: offset,
        kind: fc.constantFrom('batch' as const, 'skip' as const, 'lost' as const),
        attempt: fc.string(),
        files: fc.array(file, { maxLength: 3 }),
        rows: count,
        deadLetters: count,
        skipped: count,
        last: fc.option(last, { nil: undefined }),
        at: fc.maxSafeNat(),
      },
      plain,
    );
    fc.assert(
      fc.property(entries, fc.bigInt({ min: 1n, max: 10_000n }), (entry, length) => {
        const record: BatchRecord = { ...entry, end: entry.start + length };
        assert.deepEqual(parseEntry(formatEntry(record), record, record.start, 'x'), record);
      }),
    );
  });
});
