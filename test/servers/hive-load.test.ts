// The sink hive-load against real HDFS and HiveServer2: readers see exactly what was placed, once, whoever placed it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  batchOf,
  deliverTo,
  LoadTables,
  offsets,
  record,
  records,
} from '../support/load-tables.ts';

const { signal } = new AbortController();

describe('the sink hive-load', () => {
  let tables: LoadTables;
  before(async () => {
    tables = await LoadTables.open();
  });
  after(() => tables?.close());

  for (const format of ['parquet', 'json', 'json-gzip'] as const) {
    test(`${format}: readers see the rows after placing, and not before`, async () => {
      const spec = tables.table(format);
      const sink = await tables.writer(spec);
      const batch = batchOf('t', 0, records(0, 50));
      const { record: staged, rejects } = await sink.stage(batch, signal);
      assert.deepEqual(rejects, []);
      assert.equal(staged.rows, 50);
      assert.deepEqual(await tables.offsets(spec), [], 'nothing after staging');
      await sink.ledger.commit(staged, signal);
      assert.deepEqual(await tables.offsets(spec), [], 'nothing after the commit');
      await sink.place(staged, signal);
      const rows = await tables.rows(spec);
      assert.deepEqual(
        rows,
        offsets(0, 50).map((offset) => ({
          ...{ offset, day: '2026-11-21', text: `post ${offset} #kafka` },
        })),
      );
    });
  }

  test('a batch over three days becomes a file in each, and leaves nothing staged', async () => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    const spread = offsets(0, 30).map((offset) => record(offset, { day: offset % 3 }));
    const standing = await deliverTo(sink, batchOf('t', 0, spread));
    assert.deepEqual(standing.files.map(({ tablePartition }) => tablePartition).sort(), [
      ...['2026-11-21', '2026-11-22', '2026-11-23'],
    ]);
    const rows = await tables.rows(spec);
    assert.equal(rows.length, 30);
    for (const { offset, day } of rows) assert.equal(day, `2026-11-${21 + (offset % 3)}`);
    const { path: root } = await tables.directory(spec);
    assert.deepEqual(await tables.files.list(`${root}/_staging/t/0`, signal), []);
    const [placed] = (await tables.files.list(`${root}/dt=2026-11-22`, signal)) ?? [];
    assert.equal(placed?.name, 't+0+0000000000000000000+0000000000000000030.parquet');
  });

  test('broken records are rejected with their reason, and the rest is placed', async () => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    const mixed = offsets(0, 10).map((offset) => record(offset, { isBroken: offset % 4 === 1 }));
    const batch = batchOf('t', 0, mixed);
    const { record: staged, rejects } = await sink.stage(batch, signal);
    assert.deepEqual(
      rejects.map((reject) => [reject.record.offset, reject.code]),
      [1n, 5n, 9n].map((offset) => [offset, 'CODEC_NOT_JSON']),
    );
    assert.deepEqual([staged.rows, staged.deadLetters, staged.skipped], [7, 3, 0]);
    await sink.place(await sink.ledger.commit(staged, signal), signal);
    assert.deepEqual(await tables.offsets(spec), [0, 2, 3, 4, 6, 7, 8]);
  });

  test('a batch without rows has its entry, and the next one follows it', async () => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    const broken = offsets(0, 5).map((offset) => record(offset, { isBroken: true }));
    const standing = await deliverTo(sink, batchOf('t', 0, broken, 7));
    assert.deepEqual([standing.rows, standing.deadLetters, standing.end], [0, 5, 7n]);
    await deliverTo(sink, batchOf('t', 7, [record(7)]));
    assert.deepEqual(await tables.offsets(spec), [7]);
  });

  test('two writers race for one start: one entry, its rows once, both know them', async () => {
    const spec = tables.table();
    const [one, two] = [await tables.writer(spec), await tables.writer(spec)];
    const standing = await Promise.all([
      deliverTo(one, batchOf('t', 0, records(0, 40))),
      deliverTo(two, batchOf('t', 0, records(0, 25))),
    ]);
    assert.deepEqual(standing[0], standing[1]);
    const [winner] = standing;
    assert.deepEqual(await tables.offsets(spec), offsets(0, Number(winner?.end)));
  });

  test('what a dead writer committed is placed by another, as often as anybody likes', async () => {
    const spec = tables.table();
    const [dead, living, third] = [
      await tables.writer(spec),
      await tables.writer(spec),
      await tables.writer(spec),
    ];
    const batch = batchOf('t', 0, records(0, 20));
    await dead.ledger.commit((await dead.stage(batch, signal)).record, signal);
    const standing = await living.ledger.read(batch.range, 0n, signal);
    assert.ok(standing);
    await Promise.all([living.place(standing, signal), third.place(standing, signal)]);
    await dead.place(standing, signal);
    assert.deepEqual(await tables.offsets(spec), offsets(0, 20));
  });

  test('a restart reads the chain from its origin to its end', async () => {
    const spec = tables.table();
    const of = { topic: 't', partition: 0 };
    const sink = await tables.writer(spec);
    assert.equal(await sink.ledger.origin(of, 3n, signal), 3n);
    for (const start of [3, 8, 13]) {
      await deliverTo(sink, batchOf('t', start, records(start, start + 5)));
    }
    const again = await tables.writer(spec);
    let position = await again.ledger.readOrigin(of, signal);
    assert.equal(position, 3n);
    const ends: bigint[] = [];
    for (;;) {
      const entry = await again.ledger.read(of, position ?? 0n, signal);
      if (!entry) break;
      assert.match(entry.last?.checksum ?? '', /^[0-9a-f]{16}$/);
      position = entry.end;
      ends.push(position);
    }
    assert.deepEqual(ends, [8n, 13n, 18n]);
    assert.deepEqual(await again.ledger.partitions(signal), [of]);
    assert.deepEqual(await tables.offsets(spec), offsets(3, 18));
  });

  test('topics that begin with _ or . are read by Hive too', async () => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    for (const topic of ['_internal', '.hidden', 'a.b-c_d']) {
      await deliverTo(sink, batchOf(topic, 0, [record(0)]));
    }
    assert.deepEqual(await tables.offsets(spec), [0, 0, 0]);
  });

  test('a table in a directory shared with HiveServer2 needs no HDFS', async (context) => {
    const root = await mkdtemp(join(tmpdir(), 'kh-shared-'));
    context.after(() => rm(root, { recursive: true }));
    const spec = { ...tables.table(), location: `file:${root}` };
    const sink = await tables.writer(spec);
    await deliverTo(sink, batchOf('t', 0, records(0, 20)));
    assert.deepEqual(await tables.offsets(spec), offsets(0, 20));
  });

  test('a batch of 10,000 rows is staged, committed and placed in little time', async (context) => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    const batches = offsets(0, 6).map((index) =>
      batchOf('t', index * 10_000, records(index * 10_000, (index + 1) * 10_000)),
    );
    const times: number[] = [];
    for (const batch of batches) {
      const began = performance.now();
      await deliverTo(sink, batch);
      times.push(Math.round(performance.now() - began));
    }
    context.diagnostic(`ms for each batch of 10,000 rows: ${times.join(', ')}`);
    assert.equal((await tables.offsets(spec)).length, 60_000);
  });
});
