// Staging and placing over a local disk: what is where after each step, and what a failure leaves behind.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { EncodedFiles } from '../../../../clients/duckdb/row-encoder.ts';
import type { FileBody } from '../../../../clients/files/file-system.ts';
import { LocalFiles } from '../../../../clients/files/local.ts';
import { FileLedger } from '../../../../consumer/ledger.ts';
import { TableFiles } from '../../../../consumer/sinks/table-files.ts';
import type { Batch } from '../../../../pipeline/batch.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { isCode } from '../../../../pipeline/errors.ts';
import type { BatchRecord } from '../../../../pipeline/ledger.ts';

const { signal } = new AbortController();

function batchOf(topic: string, start: bigint, end: bigint): Batch {
  const length = Number(end - start);
  const records = Array.from({ length }, (_, index) => {
    const offset = start + BigInt(index);
    return {
      offset,
      timestamp: 0,
      key: null,
      value: Buffer.from(`v${offset}`),
      headers: undefined,
    };
  });
  return { range: { topic, partition: 0, start, end }, records };
}

describe('files of a table', () => {
  let root = '';
  let local = '';
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'kh-table-'));
    local = await mkdtemp(join(tmpdir(), 'kh-encoded-'));
  });
  after(async () => {
    await rm(root, { recursive: true });
    await rm(local, { recursive: true });
  });

  /** A writer on the table; its encoder deals the records out over `days`, one line each. */
  function writer({ days = ['2026-11-21'], files = new LocalFiles() } = {}) {
    const seen = { days: [] as string[], disposed: 0 };
    const encoder = {
      async encodeFiles({ range, records }: Batch): Promise<EncodedFiles> {
        const directory = await mkdtemp(join(local, 'batch-'));
        const made = days.map(async (tablePartition, day) => {
          const mine = [...records].filter((_, index) => index % days.length === day);
          const text = mine.map(({ offset }) => `${range.topic} ${offset}\n`).join('');
          const path = join(directory, tablePartition);
          await writeFile(path, text);
          return { tablePartition, path, rows: mine.length, bytes: text.length };
        });
        const dispose = async () => {
          seen.disposed += 1;
          await rm(directory, { recursive: true });
        };
        return { files: await Promise.all(made), skipped: 0, rejects: [], dispose };
      },
    };
    const ledger = new FileLedger(files, root);
    const addDay = async (day: string) => {
      seen.days.push(day);
    };
    const table = new TableFiles({
      ...{ files, root, ledger, encoder, addDay, format: 'json', clock: systemClock },
    });
    return { table, ledger, seen };
  }

  const content = (path: string) => readFile(`${root}/${path}`, 'utf8');

  test('what comes late for a start that is decided is swept, and nothing undecided', async () => {
    const { table, ledger } = writer({ days: ['2026-11-01'] });
    const of = { topic: 'swept', partition: 0 };
    await ledger.origin(of, 0n, signal);
    const standing = (await table.stage(batchOf('swept', 0n, 5n), signal)).record;
    await table.place(await ledger.commit(standing, signal), signal);
    const undecided = (await table.stage(batchOf('swept', 5n, 9n), signal)).record;
    const late = ['0/a/entry-1.json', '3/b/2026-11-21.json', 'origin/c/entry-2.json'];
    for (const path of late) {
      await new LocalFiles().create(`${root}/_staging/swept/0/${path}`, Buffer.from('x'), signal);
    }
    await table.sweep(of, standing.end, signal);
    assert.deepEqual(await readdir(`${root}/_staging/swept/0`), ['5']);
    await table.place(await ledger.commit(undecided, signal), signal);
    await table.sweep({ topic: 'unknown', partition: 0 }, 0n, signal);
    assert.deepEqual(await readdir(`${root}/dt=2026-11-01`).then((names) => names.length), 2);
  });

  test('a staged batch lies under its start and attempt, and its record says where it goes', async () => {
    const { table, seen } = writer({ days: ['2026-11-21', 'unknown'] });
    const { record } = await table.stage(batchOf('stage', 7n, 10n), signal);
    const directory = `_staging/stage/0/7/${record.attempt}`;
    const name = 'stage+0+0000000000000000007+0000000000000000010.json';
    assert.deepEqual(record.files, [
      {
        ...{ staged: `${directory}/2026-11-21.json`, final: `dt=2026-11-21/${name}` },
        ...{ tablePartition: '2026-11-21', rows: 2, bytes: 16 },
      },
      {
        ...{ staged: `${directory}/unknown.json`, final: `dt=unknown/${name}` },
        ...{ tablePartition: 'unknown', rows: 1, bytes: 8 },
      },
    ]);
    assert.equal(record.last?.offset, 9n);
    assert.equal(await content(`${directory}/2026-11-21.json`), 'stage 7\nstage 9\n');
    assert.equal(existsSync(`${root}/dt=2026-11-21`), false);
    assert.deepEqual(await readdir(local), [], 'local files are gone');
    assert.deepEqual(seen.days, []);
  });

  test('placing registers each day, moves each file, and sweeps every attempt at that start', async () => {
    const { table, ledger, seen } = writer({ days: ['2026-01-01', '2026-01-02'] });
    await table.stage(batchOf('place', 0n, 3n), signal);
    const { record } = await table.stage(batchOf('place', 0n, 4n), signal);
    const later = (await table.stage(batchOf('place', 4n, 6n), signal)).record;
    await table.place(await ledger.commit(record, signal), signal);
    assert.deepEqual(seen.days.sort(), ['2026-01-01', '2026-01-02']);
    assert.equal(await content(record.files[0]?.final ?? ''), 'place 0\nplace 2\n');
    assert.equal(await content(record.files[1]?.final ?? ''), 'place 1\nplace 3\n');
    assert.deepEqual(await readdir(`${root}/_staging/place/0`), ['4'], 'only what is not decided');
    assert.ok(existsSync(`${root}/${later.files[0]?.staged}`));
    await table.place(record, signal);
    assert.equal(await content(record.files[0]?.final ?? ''), 'place 0\nplace 2\n');
  });

  test('a skipped range places nothing, and what was staged at its start is swept', async () => {
    const { table, ledger, seen } = writer();
    await table.stage(batchOf('skip', 0n, 3n), signal);
    const skip: BatchRecord = {
      ...{ topic: 'skip', partition: 0, start: 0n, end: 100n, kind: 'skip', attempt: 'by-hand' },
      ...{ files: [], rows: 0, deadLetters: 0, skipped: 0, last: undefined, at: 0 },
    };
    await table.place(await ledger.commit(skip, signal), signal);
    assert.deepEqual(seen.days, []);
    assert.deepEqual(await readdir(`${root}/_staging/skip/0`), []);
  });

  test('a file that is neither staged nor placed stops, naming the ledger entry', async () => {
    const { table, ledger } = writer();
    const { record } = await table.stage(batchOf('lost', 0n, 3n), signal);
    await ledger.commit(record, signal);
    await rm(`${root}/${record.files[0]?.staged}`);
    const failure = table.place(record, signal);
    await assert.rejects(
      failure,
      (error) =>
        isCode(error, 'POSITION_CORRUPT') && error.message.includes('_ledger/lost/0/0.json'),
    );
  });

  test('another file under the final name is left alone, and told', async () => {
    const { table, ledger } = writer();
    const { record } = await table.stage(batchOf('foreign', 0n, 3n), signal);
    await ledger.commit(record, signal);
    const final = record.files[0]?.final ?? '';
    await new LocalFiles().create(`${root}/${final}`, Buffer.from('theirs'), signal);
    await assert.rejects(
      table.place(record, signal),
      (error) => isCode(error, 'POSITION_CORRUPT') && error.message.includes(final),
    );
    assert.equal(await content(final), 'theirs');
    assert.ok(existsSync(`${root}/${record.files[0]?.staged}`), 'and ours is still there');
  });

  test('when one of many uploads fails, the others end before the local files go', async () => {
    let open = 0;
    let most = 0;
    class Failing extends LocalFiles {
      override async create(path: string, body: FileBody, by: AbortSignal): Promise<void> {
        open += 1;
        most = Math.max(most, open);
        try {
          if (path.endsWith('day2.json')) throw new Error('no');
          await super.create(path, body, by);
        } finally {
          open -= 1;
        }
      }
    }
    const days = Array.from({ length: 12 }, (_, day) => `day${day}`);
    const { table, seen } = writer({ days, files: new Failing() });
    await assert.rejects(table.stage(batchOf('fails', 0n, 12n), signal), /^Error: no$/);
    assert.deepEqual([open, seen.disposed], [0, 1]);
    assert.ok(most > 1 && most <= 4, `${most} at a time`);
    const staged = await readdir(`${root}/_staging/fails/0/0`, { recursive: true });
    assert.ok(staged.length < 12, 'no new upload is begun after the failure');
  });

  test('a batch that does not add up is a bug and is not staged', async () => {
    const { table, seen } = writer({ days: [] });
    await assert.rejects(
      table.stage(batchOf('sum', 0n, 3n), signal),
      (error) => isCode(error, 'BUG') && /3 records became 0 rows/.test(error.message),
    );
    assert.equal(seen.disposed, 1);
  });
});
