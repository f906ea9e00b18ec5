// Where consumer-from-position begins, on real servers: every form of `--from` on a table that knows nothing, and on one that
// holds something already.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Settings } from '../../params/schema.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { posts, start, World } from '../support/world.ts';

const HOUR = 3_600_000;
const now = Date.now();
const iso = (ms: number) => new Date(ms).toISOString();
/** The same moment on a clock two hours ahead. */
const isoAhead = (ms: number) => iso(ms + 2 * HOUR).replace('Z', '+02:00');

/** Partitions 0 and 1 hold 10 records each, the first four of three hours ago, the others of one; partition 2 none. */
const topic = uniqueName('starts');
let world: World;
before(async () => {
  world = await World.open(testSettings());
  await world.createTopic(topic, 3);
  const records = posts(20, 2).map((one, index) => ({
    ...one,
    timestamp: now - (index < 8 ? 3 : 1) * HOUR,
  }));
  await world.send(topic, records);
});
after(() => world.close());

interface Said {
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** Runs to the end of the topic; what it logged. */
async function untilEnd(settings: Settings, { force = false } = {}) {
  const said: Said[] = [];
  const log = {
    ...silentLog,
    info: (message: string, fields = {}) => void said.push({ message, fields }),
  };
  const deps = { log, clock: systemClock, signal: world.signal, out: () => {} };
  const summary = await runConsumerFromPosition(settings, deps, { untilEnd: true, force });
  return { ...summary, said };
}

/** [partition, first offset] of what the table holds. */
async function firsts(settings: Settings): Promise<[number, number][]> {
  const offsets = await world.offsets(settings.params.table.name);
  for (const { rows, distinct, first, last } of offsets) {
    assert.deepEqual([last, rows, distinct], [9, 10 - first, 10 - first]);
  }
  return offsets.map(({ partition, first }) => [partition, first]);
}

const between = now - 2 * HOUR;
for (const [from, positions] of [
  ['beginning', [0, 0, 0]],
  ['end', [10, 10, 0]],
  ['0:3,1:7', [3, 7, 0]],
  ['1:10,2:0', [0, 10, 0]],
  [iso(between), [4, 4, 0]],
  [isoAhead(between), [4, 4, 0]],
  ['-2h', [4, 4, 0]],
  [iso(now - 24 * HOUR), [0, 0, 0]],
  [iso(now + HOUR), [10, 10, 0]],
] as const) {
  test(`O06: the first start from ${from} is where it was asked, and is said before the first batch`, async () => {
    const settings = testSettings({ topic, consumer: { from } });
    const { said } = await untilEnd(settings);
    const expected = positions.flatMap((first, partition) =>
      first === 10 || partition === 2 ? [] : [[partition, first]],
    );
    assert.deepEqual(await firsts(settings), expected);
    const starts = said.filter(({ message }) => message === 'reading from');
    const told = starts.map(({ fields }) => [
      fields['partition'],
      fields['position'],
      fields['why'],
    ]);
    const why = `first start, --from ${from}`;
    assert.deepEqual(
      told.toSorted(),
      positions.map((position, partition) => [partition, BigInt(position), why]),
    );
    for (const { fields } of said.filter(({ message }) => message === 'batch placed')) {
      const place = said.findIndex((one) => one.fields === fields);
      const of = (one: Said) => one.fields['partition'] === fields['partition'];
      assert.ok(said.findIndex((one) => of(one) && one.message === 'reading from') < place);
    }
  });
}

test('an offset that a partition does not have is refused, and nothing is decided for that partition', async () => {
  const settings = testSettings({ topic, consumer: { from: '5' } });
  await assert.rejects(untilEnd(settings), (error) => {
    assert.ok(isCode(error, 'POSITION_BEYOND_END'));
    assert.match(error.message, /-2: --from 5 means offset 5, but the topic ends at 0/);
    return true;
  });
  const { params } = settings;
  const again = { ...params, consumer: { ...params.consumer, from: '0:5,1:5' } };
  await untilEnd({ ...settings, params: again });
});

test('on a table that holds something nothing is read twice, and only --force leaves records out', async () => {
  const settings = testSettings();
  const { topic, consumer, table } = settings.params;
  const from = (where: string) => ({
    ...settings,
    params: { ...settings.params, consumer: { ...consumer, from: where } },
  });
  await world.createTopic(topic, 1);
  await world.send(topic, posts(30, 1));
  await untilEnd(from('5'));

  const behind = await untilEnd(from('beginning'));
  assert.equal(behind.rows, 0);
  assert.ok(
    behind.said.some(({ message }) =>
      message.startsWith('30 offsets behind --from are in the table'),
    ),
  );
  await world.send(topic, posts(30, 1, 30));
  await assert.rejects(untilEnd(from('50')), (error) => {
    assert.ok(isCode(error, 'POSITION_AHEAD'));
    assert.match(error.message, /20 offsets would be skipped/);
    assert.match(error.hint ?? '', /--force/);
    return true;
  });
  assert.equal((await untilEnd(from('50'), { force: true })).rows, 10);
  assert.equal((await untilEnd(from('50'), { force: true })).rows, 0);
  const [offsets] = await world.offsets(table.name);
  assert.deepEqual(
    [offsets?.rows, offsets?.distinct, offsets?.first, offsets?.last],
    [35, 35, 5, 59],
  );
  const lines: string[] = [];
  await start(
    (deps) => runVerify(settings, deps),
    (line) => lines.push(line),
  ).done;
  assert.ok(lines.includes(`note: ${topic}-0 [30, 50): passed over on purpose`), lines.join('\n'));
});
