// Records that nobody should send, through the hdfs-consumer's command: a dead letter or a safe directory, never an exit and
// never a path outside the base.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { never } from '../support/hive.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';
import { readTopic } from '../support/topic.ts';
import { hdfsConsumer, treeOf, weather } from '../support/weather-topic.ts';
import { World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

const paris = weather('FR/Paris');
const named = (city: unknown, country_code: unknown = 'FR') =>
  JSON.stringify({ ...paris, city, country_code });

const DEAD: Readonly<Record<string, string | Buffer>> = {
  'no JSON': 'Paris: 26 degrees',
  'half a record': '{"city": "Paris", "temp',
  nothing: '',
  'no UTF-8': Buffer.from([0x7b, 0xff, 0xfe, 0x7d]),
  'a bare NaN': '{"city": "Paris", "temperature": NaN}',
  'NaN as text': JSON.stringify({ ...paris, temperature: 'NaN' }),
  'beyond every number': '{"city": "Paris", "country_code": "FR", "temperature": 1e400}',
  null: 'null',
  'a list': '[1, 2]',
  'a text': '"Paris"',
  'a city that is a number': named(75),
  'a city that is an object': named({ name: 'Paris' }),
  'a level there is not': JSON.stringify({ city: 'Paris', wind_alert_level: 9 }),
};

/** Values, and the directory each belongs in. */
const SAFE: readonly (readonly [value: string, location: RegExp])[] = [
  [JSON.stringify(paris), /^FR\/Paris$/],
  [JSON.stringify({ ...paris, temperature: '26.5', windspeed: ' 12 ' }), /^FR\/Paris$/],
  [JSON.stringify({ ...paris, temperature: null, windspeed: null }), /^FR\/Paris$/],
  [named(undefined), /^FR\/Unknown-City$/],
  [named(null, null), /^UNKNOWN\/Unknown-City$/],
  [named('   '), /^FR\/Unknown-City$/],
  ['{}', /^UNKNOWN\/Unknown-City$/],
  [named('../../etc'), /^FR\/etc$/],
  [named('..', '..'), /^UNKNOWN\/Unknown-City$/],
  [named('/etc/passwd', '/'), /^UNKNOWN\/etc-passwd$/],
  [named('a/b:c'), /^FR\/a-b-c$/],
  [named('_ledger'), /^FR\/ledger$/],
  [named('.hidden'), /^FR\/hidden$/],
  [named('nul\u0000 new\nline \u001b[31m'), /^FR\/nul-new-line-31m$/],
  [named('x'.repeat(1_000_000)), /^FR\/x{80,90}-[0-9a-f]{10}$/],
  [named('Paris', 'x'.repeat(1_000_000)), /^UNKNOWN\/Paris$/],
  [JSON.stringify({ location: '../../../tmp/x', temperature: 1 }), /^UNKNOWN\/Unknown-City$/],
  [JSON.stringify({ ...paris, __proto__x: 1, constructor: 'y' }), /^FR\/Paris$/],
  // Hive knows no case: these would be its columns, with values that are none.
  [JSON.stringify({ ...paris, Temperature: 'hot', KAFKA_OFFSET: { a: [1] } }), /^FR\/Paris$/],
  [`{"temperature":{"a":1},${JSON.stringify(paris).slice(1)}`, /^FR\/Paris$/],
  [JSON.stringify({ ...paris, City: ['Paris'], '': 1, 'a b': { c: [] } }), /^FR\/Paris$/],
];

test('Z08: bad records are dead letters, strange names are safe directories, all that is good is written and read by SQL', async (t) => {
  const topic = uniqueName('bad');
  await world.createTopic(topic, 1);
  const records = [...Object.values(DEAD), ...SAFE.map(([value]) => value)].map((value) => ({
    key: null,
    value: Buffer.from(value),
    partition: 0,
  }));
  for (const record of records) await world.send(topic, [record]);
  await world.send(topic, [{ key: Buffer.from('gone'), value: null, partition: 0 }]);
  const directory = stateDirectory();
  const hiveTable = uniqueName('bad').toLowerCase();
  t.after(() => world.hive.execute(`DROP TABLE IF EXISTS \`default\`.\`${hiveTable}\``, never));
  const command = hdfsConsumer(
    [
      ...['--topics', topic, '--group-id', uniqueName('group'), '--until-end'],
      ...['--batch-size', '7', '--hive-table', hiveTable],
    ],
    { directory },
  );
  assert.equal(await command.ended(), 0, command.told.slice(-2000));

  const base = join(directory, 'hdfs-data');
  const tree = treeOf(base);
  assert.equal(Object.values(tree).flat().length, SAFE.length, Object.keys(tree).join('\n'));
  const locations = Object.keys(tree).map((path) => path.replace(/\/alerts\.json$/, ''));
  for (const [value, expected] of SAFE) {
    const found = locations.filter((location) => expected.test(location));
    assert.equal(found.length, 1, `${value.slice(0, 80)} in ${locations.join(' ')}`);
  }
  const wanted = new Set(SAFE.map(([, expected]) => String(expected)));
  assert.equal(locations.length, wanted.size, locations.join(' '));
  assert.deepEqual(readdirSync(directory).sort(), ['hdfs-data'], 'nothing outside the base');
  const dead = await readTopic(testSettings().config.kafka, `${topic}.dead-letters`);
  assert.deepEqual(
    dead.map((value) => value?.toString('hex')).sort(),
    Object.values(DEAD)
      .map((value) => Buffer.from(value).toString('hex'))
      .sort(),
  );
  // A plain SELECT reads every column of every line.
  const rows = await world.hive.query(`SELECT * FROM \`default\`.\`${hiveTable}\``, never);
  assert.equal(rows.length, SAFE.length);
  const offsets = rows.map((row) => Number(row['kafka_offset'])).sort((one, other) => one - other);
  assert.deepEqual(
    offsets,
    SAFE.map((_, at) => Object.keys(DEAD).length + at),
  );
  assert.ok(!command.told.includes('x'.repeat(200)), 'no value of a record in the log');
});
