// The Hive table over a tree of locations, on the real HiveServer2 and HDFS.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openLocation } from '../../clients/files/location.ts';
import { LocationTable } from '../../consumer/sinks/location-table.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { isCode } from '../../pipeline/errors.ts';
import { silentLog } from '../../pipeline/log.ts';
import { type Weather, weatherRecord } from '../../pipeline/weather.ts';
import { readWeather } from '../../pipeline/weather-reading.ts';
import { createDatabase, type HiveDatabase, never } from '../support/hive.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';

let own: HiveDatabase;
before(async () => {
  own = await createDatabase('locations');
});
after(() => own.dispose());

const deps = { log: silentLog, clock: systemClock, signal: never, out() {} };

const settings = () => testSettings({ table: { database: own.database } });

function lines(location: string, count: number): Buffer {
  const [country = '', city = ''] = location.split('/');
  const record = {
    ...{ timestamp: '2026-11-21T10:00:00Z', city, country, country_code: country },
    ...{ temperature: 36.5, windspeed: 21, weather_code: 3 },
  };
  const weather = readWeather(record, (name) => name) as Weather;
  return Buffer.from(`${JSON.stringify(weatherRecord(weather))}\n`.repeat(count));
}

async function counts(table: string): Promise<Record<string, number>> {
  const sql = `SELECT country, city, count(*) AS n FROM ${own.database}.${table}
    WHERE wind_alert_level = 'level_2' AND temperature > 36 GROUP BY country, city`;
  const rows = await own.hive.query(sql, never);
  return Object.fromEntries(
    rows.map((row) => [`${row['country']}/${row['city']}`, Number(row['n'])]),
  );
}

test('SQL counts what the files of the tree hold: grown, rolled, gzip, hidden ones left out', async (t) => {
  const base = `${stackEndpoints().hdfs.uri}/${uniqueName('tree')}`;
  const { files, path } = openLocation(base, settings().config.hdfs);
  t.after(async () => {
    await files.remove(path, never);
    files.close();
  });
  const write = (at: string, body: Buffer) => files.create(`${path}/${at}`, body, never);
  // What stands before the table is made is in it, too.
  await write('FR/Paris/alerts.json', lines('FR/Paris', 3));
  await write('FR/Paris/alerts-000001.json', lines('FR/Paris', 2));
  await write('_ledger/x/0/0.json', Buffer.from('no weather'));
  const table = await LocationTable.open(settings(), { name: 'weather', base }, deps);
  t.after(() => table.close());

  const added = ["FR/L'Haÿ-les-Roses", 'JP/東京', 'UNKNOWN/Unknown-City', 'DE/Köln'];
  await Promise.all(added.map((location) => table.add(location, never)));
  for (const location of added) await write(`${location}/alerts.json`, lines(location, 1));
  await write('DE/Köln/_part-1', Buffer.from('not placed yet'));
  const members = Buffer.concat([gzipSync(lines('DE/Köln', 4)), gzipSync(lines('DE/Köln', 5))]);
  await write('DE/Köln/alerts.json.gz', members);
  assert.deepEqual(await counts('weather'), {
    'FR/Paris': 5,
    "FR/L'Haÿ-les-Roses": 1,
    'JP/東京': 1,
    'UNKNOWN/Unknown-City': 1,
    'DE/Köln': 10,
  });

  // Another process opens it and knows what is there; both add the same ones at once.
  const second = await LocationTable.open(settings(), { name: 'weather', base }, deps);
  t.after(() => second.close());
  const shared = ['IT/Roma', 'IT/Milano', 'AT/Wien', 'SE/Malmö'];
  await Promise.all([
    ...shared.map((location) => table.add(location, never)),
    ...shared.toReversed().map((location) => second.add(location, never)),
  ]);
  const shown = await own.hive.query(`SHOW PARTITIONS ${own.database}.weather`, never);
  assert.equal(shown.length, 9);
});

test('a local base path is a table where HiveServer2 runs on the same machine', async (t) => {
  const base = join(stateDirectory(), 'tree');
  mkdirSync(join(base, 'FR/Lyon'), { recursive: true });
  writeFileSync(join(base, 'FR/Lyon/alerts.json'), lines('FR/Lyon', 7));
  const table = await LocationTable.open(settings(), { name: 'weather_local', base }, deps);
  t.after(() => table.close());
  assert.deepEqual(await counts('weather_local'), { 'FR/Lyon': 7 });
});

test('a table of another kind under the name is refused', async () => {
  await own.hive.execute(`CREATE TABLE ${own.database}.taken (a int)`, never);
  const base = stateDirectory();
  await assert.rejects(LocationTable.open(settings(), { name: 'taken', base }, deps), (error) =>
    isCode(error, 'HIVE_TABLE_MISMATCH'),
  );
});
