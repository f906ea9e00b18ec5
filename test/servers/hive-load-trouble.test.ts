// The sink hive-load where something is wrong: files that vanished or are not ours, rights, another HDFS.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isCode } from '../../pipeline/errors.ts';
import { eventually } from '../support/eventually.ts';
import { batchOf, deliverTo, LoadTables, record, records } from '../support/load-tables.ts';

const { signal } = new AbortController();

describe('the sink hive-load in trouble', () => {
  let tables: LoadTables;
  before(async () => {
    tables = await LoadTables.open();
  });
  after(() => tables?.close());

  test('a file that was moved away stops a repeated placing only while nobody went on', async () => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    const first = await deliverTo(sink, batchOf('t', 0, [record(0)]));
    const { path: root } = await tables.directory(spec);
    await tables.files.remove(`${root}/${first.files[0]?.final}`, signal);
    await assert.rejects(
      sink.place(first, signal),
      (error) =>
        isCode(error, 'POSITION_CORRUPT') && error.message.includes(`${root}/_ledger/t/0/0.json`),
    );
    await deliverTo(sink, batchOf('t', 1, [record(1)]));
    await sink.place(first, signal);
    assert.deepEqual(await tables.offsets(spec), [1]);
  });

  test('F06: killed while a file was being written, the batch is staged anew at once, under another name', async () => {
    const spec = tables.table();
    const dying = await tables.writer(spec);
    const { path: root } = await tables.directory(spec);
    const attempts = async () => (await tables.files.list(`${root}/_staging/t/0/0`, signal)) ?? [];
    // Its upload is under way: the NameNode knows the file, which nobody has closed. A kill that comes too late is repeated.
    for (let before = 0, isKilled = false; !isKilled; before += 1) {
      const death = new AbortController();
      const written = dying.stage(batchOf('t', 0, records(0, 5000)), death.signal);
      const ended = written.then(
        () => false,
        () => true,
      );
      await eventually(async () => {
        assert.equal((await attempts()).length, before + 1);
      });
      death.abort(new Error('killed'));
      isKilled = await ended;
    }
    const began = performance.now();
    await deliverTo(await tables.writer(spec), batchOf('t', 0, records(0, 5000)));
    assert.ok(performance.now() - began < 60_000, 'no lease of the dead writer is waited for');
    assert.equal((await tables.offsets(spec)).length, 5000);
    assert.equal(await tables.files.list(`${root}/_staging/t/0/0`, signal), undefined);
  });

  test('another file under the final name is not taken for ours', async () => {
    const spec = tables.table();
    const sink = await tables.writer(spec);
    const { record: staged } = await sink.stage(batchOf('t', 0, [record(0)]), signal);
    const final = `${(await tables.directory(spec)).path}/${staged.files[0]?.final}`;
    await tables.files.create(final, Buffer.from('x'), signal);
    await sink.ledger.commit(staged, signal);
    await assert.rejects(
      sink.place(staged, signal),
      (error) => isCode(error, 'POSITION_CORRUPT') && error.message.includes(final),
    );
  });

  test('a user without rights on the table is refused when the sink is opened', async () => {
    const spec = tables.table();
    await tables.writer(spec);
    await assert.rejects(
      tables.writer(spec, { user: 'stranger' }),
      (error) => isCode(error, 'HDFS_REJECTED') && /user=stranger/.test(error.message),
    );
  });

  test('a new table whose directory vanished gets it again; one whose directory is not on the HDFS reached is refused', async () => {
    const spec = tables.table();
    const { location, path } = await tables.directory(spec);
    await tables.files.remove(path, signal);
    // Nobody has placed anything yet: the metastore gave up one of two creations, and took the directory along.
    await (await tables.writer(spec)).close();
    assert.equal((await tables.files.status(path, signal))?.type, 'directory');
    // Now the table has a table partition, and more than an empty directory is missing.
    await tables.files.remove(path, signal);
    await assert.rejects(
      tables.writer(spec),
      (error) => isCode(error, 'HDFS_REJECTED') && error.message.includes(location),
    );
  });
});
