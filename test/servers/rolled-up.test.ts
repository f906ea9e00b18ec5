// A table whose ledger is rolled up, on real servers: the consumer goes on, `verify` and `positions` agree, and a writer that slept
// through it places nothing.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runPositions } from '../../consumer/positions/command.ts';
import { readPositionFile } from '../../consumer/positions/file.ts';
import { rollUp } from '../../consumer/roll-up.ts';
import { openSink } from '../../consumer/sinks/index.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Batch } from '../../pipeline/batch.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { Lifecycle } from '../../pipeline/lifecycle.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { Sink } from '../../pipeline/sink.ts';
import { testSettings } from '../support/settings.ts';
import { posts, start, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world?.close());

/** A batch of partition 0 as a consumer would have read it. */
function asRead(topic: string, start: bigint, end: bigint): Batch {
  const values = posts(Number(end - start), 1, Number(start));
  const records = values.map(({ value }, at) => ({
    ...{ offset: start + BigInt(at), timestamp: Date.now(), key: null, headers: undefined },
    value: Buffer.from(value ?? ''),
  }));
  return { range: { topic, partition: 0, start, end }, records };
}

for (const sink of ['hive-load', 'hive-insert'] as const) {
  test(`${sink}: what was rolled up is not read again, is accounted for, and refuses late writers`, async (context) => {
    const settings = testSettings({ batch: { size: 3 }, consumer: { sink } });
    const { topic, table, positions } = settings.params;
    const of = { topic, partition: 0 };
    await world.createTopic(topic, 1);
    const consume = async (from: number, to: number) => {
      await world.send(topic, posts(to - from, 1, from));
      await start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;
    };
    await consume(0, 9);
    const opened = new Lifecycle();
    context.after(() => opened.close());
    const deps = { log: silentLog, clock: systemClock, opened };
    const writer: Sink = await openSink(settings, table.name, deps, world.signal);
    const rule = { before: Date.now() + 60_000, entriesMin: 1, entriesMax: 100 };
    assert.equal(await rollUp(writer.ledger, of, rule, Date.now(), world.signal), 2);

    // Whose name is free again: the entry stands, its rows are staged, and nobody may place them.
    const late = await writer.stage(asRead(topic, 3n, 5n), world.signal);
    await assert.rejects(writer.ledger.commit(late.record, world.signal), (error) =>
      isCode(error, 'POSITION_ROLLED_UP'),
    );
    assert.equal((await writer.ledger.read(of, 3n, world.signal))?.attempt, late.record.attempt);
    await rm(positions.file);
    await start((deps) => runPositions(settings, deps, { kind: 'rebuild' })).done;
    const [saved] = await readPositionFile(positions.file);
    assert.deepEqual([saved?.range.start, saved?.range.end], [6n, 9n]);
    await rm(positions.file);
    await consume(9, 12);
    assert.deepEqual(await world.offsets(table.name), [
      { partition: 0, rows: 12, distinct: 12, first: 0, last: 11 },
    ]);
    const report = await start((deps) => runVerify(settings, deps, { readTopic: true })).done;
    assert.deepEqual([report.total.read, report.total.written, report.total.missing], [12, 12, 0]);
    assert.equal(report.partitions[0]?.entries, 4);
    assert.match(report.partitions[0]?.notes.join() ?? '', /offsets before 6 are rolled up/);
  });
}
