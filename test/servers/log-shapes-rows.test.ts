// What becomes of values, fields and days that are out of the ordinary, through both sinks into Hive, by a process that does
// not live in UTC.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { runConsumerFromPosition } from '../../consumer/consumer-from-position.ts';
import { runVerify } from '../../consumer/verify.ts';
import type { Settings } from '../../params/schema.ts';
import type { OutgoingRecord } from '../../pipeline/record.ts';
import { DAY_UNKNOWN } from '../../pipeline/table.ts';
import { testSettings } from '../support/settings.ts';
import { Shapes } from '../support/shapes.ts';
import { uniqueName } from '../support/stack.ts';
import { start, World } from '../support/world.ts';

// Clocks go back at 2026-11-01 06:00 UTC and forward at 2026-03-08 07:00 UTC here.
process.env['TZ'] = 'America/New_York';

const shapes = new Shapes(testSettings().config.kafka);
let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

const untilEnd = (settings: Settings) =>
  start((deps) => runConsumerFromPosition(settings, deps, { untilEnd: true })).done;

const json = (value: unknown, timestamp?: number): OutgoingRecord => ({
  key: null,
  value: Buffer.from(JSON.stringify(value)),
  ...(timestamp === undefined ? {} : { timestamp }),
});

/** Rows in order of offset; texts as hex, which nothing on the way can spoil. */
async function select(table: string, columns: string): Promise<Record<string, unknown>[]> {
  const sql = `SELECT kafka_offset, ${columns} FROM \`default\`.\`${table}\``;
  const rows = await world.hive.query(sql, world.signal);
  return rows.toSorted((a, b) => Number(a['kafka_offset']) - Number(b['kafka_offset']));
}

const unhex = (cell: unknown) =>
  cell === null ? null : Buffer.from(String(cell), 'hex').toString('utf8');

const NAUGHTY = [
  '',
  ' ',
  'null',
  'NULL',
  '\\N',
  'it\'s "quoted" \\ and \\\' more',
  'zwei\nZeilen\r\nund\tTab',
  'a\u0000b\u001a',
  "'; DROP TABLE posts; --",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces are the point.
  '${env:PATH} $1',
  '👩‍👩‍👧 🏳️‍🌈',
  'שלום \u202eabc\u202c مرحبا',
  'Z̷̢a̷l̷g̷o̷ ﷽',
  '\u2028\u2029\ufeff\uffff',
  '{"a":1}',
  '東京',
];
const NOON = '2026-11-21T12:00:00Z';
/** Event time → the UTC day it lies in. */
const DAYS: readonly (readonly [string | null, string])[] = [
  ['2026-03-08T01:59:59-05:00', '2026-03-08'],
  ['2026-03-08T03:00:00-04:00', '2026-03-08'],
  ['2026-03-08T23:30:00-04:00', '2026-03-09'],
  ['2026-03-29T00:30:00+01:00', '2026-03-28'],
  ['2026-10-25T02:30:00+02:00', '2026-10-25'],
  ['2026-10-25T02:30:00+01:00', '2026-10-25'],
  ['2026-11-01T00:30:00Z', '2026-11-01'],
  ['2026-11-01T01:30:00-04:00', '2026-11-01'],
  ['2026-11-01T01:30:00-05:00', '2026-11-01'],
  ['2026-11-01T23:59:59.999Z', '2026-11-01'],
  [null, DAY_UNKNOWN],
];
const REJECTED = [
  { id: 'number', likes: 'many', at: NOON },
  { id: 'no time', at: 'yesterday' },
  { id: 'no such time', at: '2026-02-30T00:00:00Z' },
  { id: 'nested time', at: { day: 1 } },
  { id: 'nested tags', tags: [{}], at: NOON },
];
const COLUMNS = [
  { name: 'id', type: 'string' },
  { name: 'likes', type: 'bigint' },
  { name: 'text', type: 'string' },
  { name: 'tags', type: 'array<string>' },
  { name: 'at', type: 'timestamp' },
] as const;

for (const sink of ['hive-load', 'hive-insert'] as const) {
  test(`P01 P03 S01 B04 B05 B07: each record is a row as it was sent or a dead letter, in its UTC day (${sink})`, async () => {
    const settings = testSettings({
      batch: { size: 1000 },
      consumer: { sink },
      table: { columns: [...COLUMNS], dayFrom: 'at' },
    });
    const { topic, table } = settings.params;
    await world.createTopic(topic, 1);
    const texts = NAUGHTY.map((text, index) => ({ id: `text ${index}`, text, at: NOON }));
    const days = DAYS.map(([at], index) => ({ id: `day ${index}`, at }));
    const nulls = [
      { id: 'nulls', likes: null, text: null, tags: null, at: NOON },
      { id: 'tags', tags: [null, 'null', ''], likes: 9_007_199_254_740_991, at: NOON },
      { id: 'without' },
    ];
    // Records of different shapes take turns.
    const values = [...texts, ...days, ...nulls, ...REJECTED].toSorted((a, b) =>
      a.id.slice(-1) < b.id.slice(-1) ? -1 : 1,
    );
    await world.send(
      topic,
      values.map((value) => json(value)),
    );
    const { batches, rows, deadLetters } = await untilEnd(settings);
    assert.deepEqual([batches, rows + deadLetters], [1, values.length], 'S01: one batch');
    assert.equal(deadLetters, REJECTED.length);

    const found = await select(
      table.name,
      'id, likes, hex(text) AS text, size(tags) AS tags, CAST(at AS string) AS at, dt',
    );
    const of = (id: string) => found.find((row) => row['id'] === id);
    assert.equal(found.length, rows);
    for (const [index, text] of NAUGHTY.entries()) {
      assert.equal(unhex(of(`text ${index}`)?.['text']), text, `text ${index}`);
    }
    for (const [index, [at, day]] of DAYS.entries()) {
      const row = of(`day ${index}`);
      assert.equal(row?.['dt'], day, String(at));
      const utc =
        at &&
        new Date(at)
          .toISOString()
          .replace('T', ' ')
          .replace(/(\.000)?Z$/, '');
      assert.equal(row?.['at'], utc);
    }
    const { likes, text, tags } = of('nulls') ?? {};
    assert.deepEqual([likes, text, tags], [null, null, -1]);
    assert.deepEqual([of('tags')?.['likes'], of('tags')?.['tags']], [9_007_199_254_740_991n, 3]);
    assert.deepEqual([of('without')?.['at'], of('without')?.['dt']], [null, DAY_UNKNOWN]);
  });

  test(`P03 H01 S02 S05: a topic with dots, days by Kafka's time, a column in between that comes later (${sink})`, async () => {
    const topic = `_${uniqueName('it.has-dots.v1')}`;
    const withColumns = (...names: string[]) =>
      COLUMNS.filter(({ name }) => names.includes(name)).map((column) => ({ ...column }));
    const older = testSettings({
      topic,
      consumer: { sink },
      table: { columns: withColumns('id', 'text') },
    });
    const newer = {
      ...older,
      params: {
        ...older.params,
        table: {
          ...older.params.table,
          columns: COLUMNS.slice(0, 3).map((column) => ({ ...column, path: column.name })),
        },
      },
    };
    // Records of last spring would be deleted by the broker before long.
    await shapes.createTopic(topic, 1, { 'retention.ms': '-1' });
    const times = [
      '2026-03-08T06:59:59.999Z',
      '2026-03-09T03:59:00.000Z',
      '2026-11-01T05:30:00.000Z',
    ];
    const later = [
      '2026-11-01T06:30:00.000Z',
      '2026-11-02T00:00:00.000Z',
      '2026-11-02T04:59:59.000Z',
    ];
    const all = [...times, ...later];
    const record = (time: string) =>
      json({ id: time, likes: all.indexOf(time), text: `at ${time}` }, Date.parse(time));
    await world.send(topic, times.map(record));
    await untilEnd(older);
    await world.send(topic, later.slice(0, 2).map(record));
    await untilEnd(newer);
    // A process that was not told of the new column yet.
    await world.send(topic, later.slice(2).map(record));
    await untilEnd(older);

    const { table } = newer.params;
    const found = await select(
      table.name,
      'id, likes, text, dt, kafka_topic, CAST(kafka_timestamp AS string) AS kafka_time',
    );
    assert.deepEqual(
      found.map(({ id, likes, text, dt, kafka_topic, kafka_time }) => [
        ...[id, likes, text, dt, kafka_topic],
        String(kafka_time).padEnd(23, String(kafka_time).includes('.') ? '0' : '.000'),
      ]),
      all.map((time, index) => [
        ...[time, index === 3 || index === 4 ? BigInt(index) : null, `at ${time}`],
        ...[time.slice(0, 10), topic, time.slice(0, 23).replace('T', ' ')],
      ]),
    );
    const report = await start((deps) => runVerify(newer, deps)).done;
    assert.deepEqual([report.balanced, report.total.written], [true, all.length]);
  });
}
