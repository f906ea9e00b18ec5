// The report command on trees of the test's own: what it counts, what it leaves out and says so, what it writes.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { heatLevel, windLevel } from '../../../pipeline/weather.ts';
import { PLACES, putFile, weatherAt, writeTree } from '../../support/weather-tree.ts';
import { kafkaHive, workingDirectory } from '../cli/command-line.ts';

type Rows = Record<string, unknown>[];
type Statistics = { overview: Record<string, unknown> } & Record<string, Rows>;

const line = (record: object) => `${JSON.stringify(record)}\n`;

async function report(directory: string, ...args: string[]) {
  const outcome = await kafkaHive(['report', '--input', 'base', '--export-data', 'out', ...args], {
    directory,
  });
  assert.deepEqual([outcome.exit, outcome.stderr], [0, '']);
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const statistics: Statistics = JSON.parse(read('out/complete_statistics.json'));
  return { ...outcome, page: read('report.html'), statistics, read };
}

/** A report on `files` by their place, in FR/Paris unless it says so. */
async function reportOn(t: TestContext, content: string, ...args: string[]) {
  const directory = workingDirectory(t);
  putFile(join(directory, 'base'), 'FR/Paris', content);
  return report(directory, ...args);
}

test('a report counts every record of a tree, plain and gzip, by time, level, place and hour', async (t) => {
  const directory = workingDirectory(t);
  const hours = 100;
  writeTree(join(directory, 'base'), hours);
  const { statistics, stdout } = await report(directory);
  assert.match(stdout, /report\.html: 500 records\. Nothing was left out\./);
  const { overview } = statistics;
  assert.deepEqual([overview['records'], overview['countries'], overview['cities']], [500, 4, 5]);
  assert.equal(overview['first'], '2026-06-01T00:00:00.000Z');
  const records = PLACES.flatMap((place) =>
    Array.from({ length: hours }, (_, hour) => weatherAt(place, hour)),
  );
  for (const kind of ['wind', 'heat'] as const)
    for (const level of [0, 1, 2]) {
      const wanted = records.filter((record) =>
        kind === 'wind'
          ? windLevel(Number(record['windspeed'])) === level
          : heatLevel(Number(record['temperature'])) === level,
      );
      const found = statistics['alerts_by_level']?.find(
        (row) => row['kind'] === kind && row['level'] === level,
      );
      assert.equal(found?.['records'], wanted.length, `${kind} ${level}`);
    }
  assert.deepEqual(
    statistics['country_statistics']?.map(({ code, country, cities }) => [code, country, cities]),
    [
      ['FR', 'France', 2],
      ['DE', 'Germany', 1],
      ['JP', '日本', 1],
      ['US', 'United States', 1],
    ],
  );
  const total = (rows: Rows = []) => rows.reduce((sum, row) => sum + Number(row['records']), 0);
  assert.equal(total(statistics['temperature_over_time']), 500);
  assert.equal(total(statistics['week']), 500);
});

test('hours are those of the clock at the place, UTC where its zone is not known', async (t) => {
  const at = { timestamp: '2026-06-01T00:30:00Z', temperature: 1 };
  const { statistics } = await reportOn(
    t,
    [{ timezone: 'Asia/Tokyo' }, { timezone: 'No/Where' }, {}]
      .map((more) => line({ ...at, ...more }))
      .join(''),
  );
  const hours = statistics['temporal_patterns']?.filter((row) => row['pattern'] === 'hour');
  assert.deepEqual(
    hours?.map((row) => [row['value'], row['records']]),
    [
      [0, 2],
      [9, 1],
    ],
  );
});

test('levels follow from the measures at their borders, and are taken as given without one', async (t) => {
  const winds = [9.99, 10, 20, 20.01];
  const heats = [24.9, 25, 35, 35.1];
  const given = [
    { wind_alert_level: 2 },
    { wind_alert_level: '1' },
    { heat_alert_level: 'level_2' },
  ];
  const records = [
    ...winds.map((windspeed) => ({ windspeed })),
    ...heats.map((temperature) => ({ temperature })),
  ];
  const { statistics } = await reportOn(
    t,
    [...records, ...given, { city: 'x' }].map(line).join(''),
  );
  assert.deepEqual(
    statistics['alerts_by_level']?.map((row) => [row['kind'], row['level'], row['records']]),
    [
      ...[
        ['wind', 0, 1],
        ['wind', 1, 3],
        ['wind', 2, 2],
      ],
      ...[
        ['heat', 0, 1],
        ['heat', 1, 2],
        ['heat', 2, 2],
      ],
    ],
  );
});

test('what cannot be a measure, a time or a record is left out, counted and said', async (t) => {
  const { statistics, page, stdout } = await reportOn(
    t,
    [
      'not json\n{"torn":\n[1]\n\n',
      line({ timestamp: 'soon', temperature: 20, windspeed: 5 }),
      '{"timestamp":"2026-06-01T00:00:00Z","temperature":1e400,"windspeed":NaN}\n',
      line({ timestamp: '2026-06-01 01:00:00', temperature: '-50.1', windspeed: 200.1 }),
      line({ timestamp: 1780272000, temperature: ' 60 ', windspeed: '0' }),
      line({ timestamp: 1780272000000, temperature: -50, windspeed: 200 }),
    ].join(''),
  );
  const { overview } = statistics;
  assert.deepEqual(
    ['records', 'unreadable_lines', 'temperatures_left_out', 'winds_left_out', 'without_time'].map(
      (name) => overview[name],
    ),
    [5, 3, 2, 2, 1],
  );
  assert.deepEqual(
    [overview['temperature_min'], overview['temperature_max'], overview['wind_max']],
    [-50, 60, 200],
  );
  const said = 'temperatures outside -50 to 60 °C (2); wind speeds outside 0 to 200 m/s (2)';
  assert.ok(page.includes(said) && stdout.includes(said));
});

test('a nested record of the geo producer counts, its wind in km/h', async (t) => {
  const { statistics } = await reportOn(
    t,
    line({
      timestamp: '2026-06-01T00:00:00+02:00',
      location: {
        coordinates: { latitude: 45.76, longitude: 4.84 },
        geography: { name: 'Lyon', country: 'France', country_code: 'FR' },
        timezone: 'Europe/Paris',
      },
      current_weather: { temperature: 21, wind_speed: 72, weather_code: 3 },
    }),
  );
  assert.equal(statistics.overview['first'], '2026-05-31T22:00:00.000Z');
  const { city, latitude, temperature_mean, wind_mean } = statistics['map']?.[0] ?? {};
  assert.deepEqual([city, latitude, temperature_mean, wind_mean], ['Lyon', 45.76, 21, 20]);
  assert.equal(statistics['weather_codes']?.[0]?.['meaning'], 'overcast');
});

test('--country takes a code or a name in any case and language, --type one section', async (t) => {
  const directory = workingDirectory(t);
  writeTree(join(directory, 'base'), 10);
  for (const country of ['FR', 'fr', 'france', 'Frankreich']) {
    const { statistics } = await report(directory, '--country', country);
    assert.deepEqual([statistics.overview['records'], statistics.overview['countries']], [20, 1]);
  }
  const { page } = await report(directory, '--type', 'wind');
  assert.deepEqual(
    [...page.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id),
    ['wind'],
  );
  assert.match(page, /data-view="wind_by_country"/);
  const alone = await report(directory, '--country', 'JP');
  assert.doesNotMatch(alone.page, /data-view="\w+_by_country"/);
});

test('the page asks no network, and text of records is no markup in it', async (t) => {
  const city = `</script><img src=x onerror="alert(1)"><!--<script>`;
  const { page, statistics } = await reportOn(
    t,
    line({ timestamp: '2026-06-01', city, temperature: 30, latitude: 1, longitude: 1 }),
  );
  assert.equal(statistics['top_alert_cities']?.[0]?.['city'], city);
  assert.ok(page.includes('&lt;/script&gt;&lt;img src=x'));
  assert.ok(!page.includes('<img') && !page.includes('onerror="'));
  assert.equal(page.match(/<\/script>/g)?.length, 4);
  assert.match(page, /default-src 'none'/);
  assert.doesNotMatch(page, /<(link|iframe|object|script src)/);
});

test('exports are the rows of the page, as CSV with a head', async (t) => {
  const directory = workingDirectory(t);
  writeTree(join(directory, 'base'), 30);
  const { read, statistics } = await report(directory, '--type', 'wind');
  assert.deepEqual(readdirSync(join(directory, 'out')).sort(), [
    'complete_statistics.json',
    'country_statistics.csv',
    'daily_aggregated_data.csv',
    'temporal_patterns.csv',
    'top_alert_cities.csv',
  ]);
  const [head, first] = read('out/country_statistics.csv').split('\n');
  const row = statistics['country_statistics']?.[0] ?? {};
  assert.equal(head, Object.keys(row).join(','));
  assert.match(first ?? '', /^FR,France,2,60,/);
  assert.match(read('out/daily_aggregated_data.csv'), /^date,code,records,.*\n2026-06-01,DE,24,/);
});

test('no name becomes a formula in a spreadsheet that opens an export; a number below zero stays one', async (t) => {
  const directory = workingDirectory(t);
  const names = ['=1+1', '+1', '-1', '@A1', ' =1', '\t=1', '\r=1', '＝1', "O'Neil", 'a=b'];
  const lines = names.map((city) => line({ city, country: city, temperature: -5, windspeed: 30 }));
  putFile(join(directory, 'base'), 'UNKNOWN/x', lines.join(''));
  const { read, statistics } = await report(directory);
  const [, ...cities] = read('out/top_alert_cities.csv').trimEnd().split('\n');
  assert.equal(cities.length, names.length);
  for (const city of cities) assert.match(city, /^"?('|O'Neil,|a=b,)/);
  assert.match(read('out/country_statistics.csv'), /^UNKNOWN,'.*,-5\.0,-5\.0,-5\.0,/ms);
  assert.ok(statistics['top_alert_cities']?.some(({ city }) => city === '=1+1'));
});

test('names that begin with _ or . and other files are left alone, names with * or [ are not', async (t) => {
  const directory = workingDirectory(t);
  const base = join(directory, 'base [1]*');
  const one = line({ temperature: 1 });
  for (const place of ['FR/Paris', '_ledger/weather', '.hidden/x', 'FR/_staging'])
    putFile(base, place, one);
  for (const stem of ['_part', '.alerts', 'alerts-000001', 'weather+0+0+5 [x]?'])
    putFile(base, 'FR/Paris', one, stem);
  putFile(base, 'FR/Paris', gzipSync(one), 'alerts-000002');
  putFile(base, 'FR/Paris', '', 'alerts-000003');
  mkdirSync(join(base, 'FR/Paris/deeper.json'));
  // As a pattern the name of the base would mean this one.
  putFile(join(directory, 'base 1 else'), 'FR/Paris', one.repeat(9));
  const { statistics } = await report(directory, '--input', 'base [1]*');
  assert.equal(statistics.overview['records'], 4);
});

test('an input without records, a missing one and a broken file end with REPORT_INPUT and write no page', async (t) => {
  const directory = workingDirectory(t);
  const base = join(directory, 'base');
  const refused = async (words: RegExp, ...args: string[]) => {
    const { exit, stdout, stderr } = await kafkaHive(['report', '-i', 'base', ...args], {
      directory,
    });
    assert.deepEqual([exit, stdout], [4, '']);
    assert.match(stderr, /^error REPORT_INPUT: .*\n {2}hint: /);
    assert.match(stderr, words);
    assert.ok(!readdirSync(directory).includes('report.html'));
  };
  await refused(/there is no directory .*base/);
  putFile(base, 'FR/Paris', 'no json\n');
  await refused(/there is no weather record in/);
  putFile(base, 'FR/Paris', line({ temperature: 1 }));
  await refused(/no weather record of country DE/, '--country', 'DE');
  putFile(base, 'FR/Paris', gzipSync(line({ temperature: 1 })).subarray(0, 20), 'alerts-000001');
  await refused(/cannot read .*alerts-000001\.json\.gz to its end/);
  await refused(
    /hive:weather names no table\n {2}hint: Name it as hive:database/,
    '-i',
    'hive:weather',
  );
});

test('an address of a kind that is not read is no directory of this machine', async (t) => {
  const { exit, stderr } = await kafkaHive(['report', '-i', 's3://bucket/x'], {
    directory: workingDirectory(t),
  });
  assert.equal(exit, 2);
  assert.match(stderr, /^error CONFIG_INVALID: cannot reach files at s3:\/\/bucket\/x/);
});

test('a page that cannot be written ends with FILES_REJECTED', async (t) => {
  const directory = workingDirectory(t);
  putFile(join(directory, 'base'), 'FR/Paris', line({ temperature: 1 }));
  const args = ['report', '-i', 'base', '-o', 'base/FR/Paris/alerts.json/report.html'];
  const { exit, stderr } = await kafkaHive(args, { directory });
  assert.equal(exit, 4);
  assert.match(stderr, /^error FILES_REJECTED: /);
});

test('a page below a directory that nobody can make ends so, too, and not never', {
  timeout: 60_000,
  skip: process.platform !== 'linux' && 'there is no /proc',
}, async (t) => {
  const directory = workingDirectory(t);
  putFile(join(directory, 'base'), 'FR/Paris', line({ temperature: 1 }));
  const args = ['report', '-i', 'base', '-o', '/proc/nobody/makes/report.html'];
  const { exit, stderr } = await kafkaHive(args, { directory });
  assert.equal(exit, 4);
  assert.match(stderr, /^error FILES_REJECTED: .*\/proc\/nobody/);
});
