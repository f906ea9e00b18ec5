// A report on real HDFS and on a real Hive table says the same as one on the local files they were made from.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { configSchema } from '../../params/schema.ts';
import { createDatabase, never } from '../support/hive.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import { PLACES, putFile, writeTree } from '../support/weather-tree.ts';
import { kafkaHive, workingDirectory } from '../unit/cli/command-line.ts';

const { hdfs, hive } = stackEndpoints();
const env = {
  KH_HDFS__NAME_NODES: hdfs.nameNodes.join(','),
  KH_HIVE__HOST: hive.host,
  KH_HIVE__PORT: String(hive.port),
};

/** All statistics but what was asked and when. */
async function statisticsOf(directory: string, input: string): Promise<Record<string, unknown>> {
  const args = ['report', '--input', input, '--output', 'page.html', '--export-data', 'out'];
  const { exit, stderr } = await kafkaHive(args, { directory, env });
  assert.deepEqual([exit, stderr], [0, '']);
  const text = readFileSync(join(directory, 'out/complete_statistics.json'), 'utf8');
  const { input: _, madeAt: __, ...statistics } = JSON.parse(text);
  return statistics;
}

test('HDFS, a Hive table and the local tree give one report; a file larger than one read is whole', async (t) => {
  const directory = workingDirectory(t);
  const local = join(directory, 'tree');
  writeTree(local, 500);
  // Blanks do not change a record, and make a file that is fetched in two parts.
  const long = `${'{"temperature":21,"timestamp":"2026-06-01"'.padEnd(1_000_000)}}\n`.repeat(17);
  putFile(local, 'FR/Paris', long, 'alerts-000001');

  const files = new WebHdfs(configSchema.parse({ hdfs: { nameNodes: [...hdfs.nameNodes] } }).hdfs);
  const base = `/tmp/${uniqueName('report')}`;
  t.after(async () => {
    await files.remove(base, never);
    files.close();
  });
  for (const entry of readdirSync(local, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    await files.create(`${base}/${file.slice(local.length + 1)}`, { file }, never);
  }
  const wanted = await statisticsOf(directory, local);
  assert.equal((wanted['overview'] as Record<string, unknown>)['records'], 2517);
  assert.deepEqual(await statisticsOf(directory, `${hdfs.uri}${base}`), wanted);

  const { hive: client, database, dispose } = await createDatabase('report');
  t.after(dispose);
  // As hdfs-consumer makes it: directories are table partitions, so `country` holds codes.
  await client.execute(
    `CREATE EXTERNAL TABLE ${database}.weather (\`timestamp\` string, country_code string, temperature double,
      windspeed double, weather_code double, wind_alert_level string, heat_alert_level string, location string,
      latitude double, longitude double, timezone string, kafka_offset bigint)
      PARTITIONED BY (country string, city string)
      ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.JsonSerDe' LOCATION '${hdfs.uri}${base}'`,
    never,
  );
  const parts = PLACES.map(({ code, city }) => {
    const directory = `${code}/${city.replace(' ', '-')}`;
    return `PARTITION (country='${code}', city='${city}') LOCATION '${hdfs.uri}${base}/${directory}'`;
  });
  await client.execute(`ALTER TABLE ${database}.weather ADD ${parts.join(' ')}`, never);
  const fromHive = await statisticsOf(directory, `hive:${database}.weather`);
  assert.deepEqual(fromHive['overview'], wanted['overview']);
  assert.deepEqual(fromHive['map'], wanted['map']);
  assert.deepEqual(fromHive['alerts_by_level'], wanted['alerts_by_level']);
  assert.deepEqual(fromHive['temperature_over_time'], wanted['temperature_over_time']);

  const missing = await kafkaHive(['report', '-i', `hive:${database}.nothing`], { directory, env });
  assert.equal(missing.exit, 4);
  assert.match(missing.stderr, /^error REPORT_INPUT: there is no table /);
  await client.execute(`CREATE TABLE ${database}.posts (id bigint, country string)`, never);
  const posts = await kafkaHive(['report', '-i', `hive:${database}.posts`], { directory, env });
  assert.match(
    posts.stderr,
    /^error REPORT_INPUT: .*\.posts has no column temperature or windspeed/,
  );
});
