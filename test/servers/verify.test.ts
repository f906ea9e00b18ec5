// `verify` and `positions` on the real servers, beside what the consumer really wrote.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { type PositionsAction, runPositions } from '../../consumer/positions/command.ts';
import { parsePartitionOffsets } from '../../consumer/positions/move.ts';
import type { VerifyReport } from '../../consumer/verify/judge.ts';
import { runVerify, type VerifyOptions } from '../../consumer/verify.ts';
import { isCode } from '../../pipeline/errors.ts';
import { testSettings } from '../support/settings.ts';
import { posts, start, World } from '../support/world.ts';

describe('verify and positions on the real servers', () => {
  const settings = testSettings({ limits: { deadLetterShare: 1 } });
  const { topic, table } = settings.params;
  let world: World;

  before(async () => {
    world = await World.open(settings);
    await world.createTopic(topic, 2);
    const bad = { key: null, value: Buffer.from('{"id": tru'), partition: 1 };
    const tombstone = { key: Buffer.from('gone'), value: null, partition: 0 };
    await world.send(topic, [...posts(40, 2), bad, tombstone]);
    await start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;
  });
  after(() => world.close());

  async function verify(
    options: VerifyOptions = {},
  ): Promise<{ lines: string[]; failed: unknown }> {
    const lines: string[] = [];
    const run = start(
      (deps) => runVerify(settings, deps, options),
      (line) => lines.push(line),
    );
    const failed = await run.done.then(
      () => undefined,
      (error: unknown) => error,
    );
    return { lines, failed };
  }

  async function positions(action: PositionsAction): Promise<string[]> {
    const lines: string[] = [];
    await start(
      (deps) => runPositions(settings, deps, action),
      (line) => lines.push(line),
    ).done;
    return lines;
  }

  test('a delivered topic balances: every record was written, dead-lettered or skipped', async () => {
    const { lines, failed } = await verify();
    assert.equal(failed, undefined, lines.join('\n'));
    assert.ok(
      lines.includes(
        'read = written + dead-lettered + skipped: 42 = 40 + 1 + 1; 0 missing, 0 doubled',
      ),
      lines.join('\n'),
    );
  });

  test('--read-topic counts the records of topic and dead-letter topic themselves', async () => {
    const { lines, failed } = await verify({ readTopic: true, json: true });
    assert.equal(failed, undefined, lines.join('\n'));
    const report: VerifyReport = JSON.parse(lines.join('\n'));
    assert.equal(report.balanced, true);
    assert.equal(report.total.read, 42);
    assert.deepEqual(
      report.partitions.flatMap(({ notes }) => notes),
      [],
    );
  });

  test('positions shows what is saved and what the ledger has, and set --force leaves a trace', async () => {
    await world.send(topic, posts(6, 2, 100));
    const shown = await positions({ kind: 'show' });
    assert.deepEqual(
      shown.map((line) => line.trim().split(/ {2,}/)),
      [
        ['partition', 'saved', 'ledger', 'topic end', 'lag'],
        ['0', '21', '21', '24', '3'],
        ['1', '21', '21', '24', '3'],
      ],
    );
    const to = parsePartitionOffsets('0:23');
    await assert.rejects(positions({ kind: 'set', to, force: false }), (error) =>
      isCode(error, 'POSITION_AHEAD'),
    );
    assert.deepEqual(await positions({ kind: 'set', to, force: true }), [
      `${topic}-0 [21, 23) is passed over`,
    ]);
    await positions({ kind: 'rebuild' });
    await start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;
    const { lines, failed } = await verify();
    assert.equal(failed, undefined, lines.join('\n'));
    assert.ok(
      lines.includes(`note: ${topic}-0 [21, 23): passed over on purpose`),
      lines.join('\n'),
    );
    assert.match(lines.join('\n'), /46 = 44 \+ 1 \+ 1; 0 missing/);
    const exported = JSON.parse((await positions({ kind: 'export' })).join(''));
    assert.deepEqual(exported.positions[0].saved, { start: '23', end: '24' });
  });

  test('a row too many or too few fails by name', async () => {
    const [row] = await world.hive.query(
      `SELECT DISTINCT dt FROM \`default\`.\`${table.name}\``,
      world.signal,
    );
    const day = String(row?.['dt']);
    const insert = (offset: number) =>
      world.hive.execute(
        `INSERT INTO \`default\`.\`${table.name}\` PARTITION (dt='${day}') (kafka_topic, kafka_partition, kafka_offset) VALUES ('${topic}', 0, ${offset})`,
        world.signal,
      );
    await insert(5);
    await insert(22);
    const { lines, failed } = await verify();
    assert.ok(isCode(failed, 'VERIFY_FAILED'), String(failed));
    const text = lines.join('\n');
    assert.match(text, new RegExp(`problem: ${topic}-0: 1 rows are in the table more than once`));
    assert.match(text, new RegExp(`problem: ${topic}-0: 1 rows of the table stand at offsets`));
    await world.hive.execute(
      `ALTER TABLE \`default\`.\`${table.name}\` DROP PARTITION (dt='${day}')`,
      world.signal,
    );
    const empty = await verify();
    assert.ok(isCode(empty.failed, 'VERIFY_FAILED'), String(empty.failed));
    assert.match(empty.lines.join('\n'), /44 missing/);
  });

  test('the ledger of hive-insert is verified in the same way', async () => {
    const other = testSettings({ consumer: { sink: 'hive-insert' }, batch: { size: 50 } });
    await world.createTopic(other.params.topic, 1);
    await world.send(other.params.topic, posts(60, 1));
    await start((deps) => runConsumerFromPosition(other, deps, { untilEnd: true })).done;
    const report = await start((deps) => runVerify(other, deps, { readTopic: true })).done;
    assert.deepEqual([report.balanced, report.total.read, report.total.written], [true, 60, 60]);
  });
});
