// The whole way of the weather, from a stand-in for Open-Meteo to the report: geo-weather, weather-alerts, hdfs-consumer with
// its Hive table, verify, report.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { WebHdfs } from '../../clients/files/webhdfs.ts';
import { runVerify } from '../../consumer/verify.ts';
import { runWeatherAlerts } from '../../consumer/weather-alerts.ts';
import { configSchema } from '../../params/schema.ts';
import { isCode } from '../../pipeline/errors.ts';
import { runGeoWeather } from '../../producer/geo-weather.ts';
import { OpenMeteoDouble } from '../doubles/open-meteo.ts';
import { allCommitted } from '../support/alerts-world.ts';
import { eventually } from '../support/eventually.ts';
import { never } from '../support/hive.ts';
import { linesOf, readTree } from '../support/locations.ts';
import { testSettings } from '../support/settings.ts';
import { stackEndpoints, uniqueName } from '../support/stack.ts';
import { hdfsConsumer } from '../support/weather-topic.ts';
import { start, World } from '../support/world.ts';
import { kafkaHive, workingDirectory } from '../unit/cli/command-line.ts';

const PLACES = ['Paris, France', 'Paris, USA', 'Tokyo, Japan'];
/** Hot and windy, but not in Paris, France. */
const weather = (latitude: number) =>
  latitude > 45 ? { temperature: 20, windspeed: 3 } : { temperature: 35.1, windspeed: 10 };

const double = new OpenMeteoDouble({ weather });
let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(async () => {
  await world.close();
  await double.close();
});

test('weather of three places and the alerts of two end in one tree; SQL, verify and the report count the same', async (t) => {
  const url = await double.listen();
  const topic = uniqueName('weather');
  const alertTopic = `${topic}_alerts`;
  const { params, config } = testSettings({
    topic,
    weather: { topic, places: PLACES },
    alerts: { topics: [topic], alertTopic, countTopic: `${topic}_counts`, group: topic },
  });
  const { openMeteo } = configSchema.parse({
    openMeteo: { geocodingUrl: url, forecastUrl: url, requestsPerMinute: 100_000 },
  });
  const settings = { params, config: { ...config, openMeteo } };
  await start((deps) => runGeoWeather(settings, deps)).done;
  const alerting = start((deps) => runWeatherAlerts(settings, deps));
  await Promise.race([eventually(() => allCommitted(settings, world)), alerting.done]);
  assert.equal((await alerting.stop()).alerts, 2);

  const { hdfs, hive } = stackEndpoints();
  const root = `/test/${topic}`;
  const basePath = `${hdfs.uri}${root}`;
  const files = new WebHdfs(config.hdfs);
  const table = topic.toLowerCase();
  t.after(async () => {
    await world.hive.execute(`DROP TABLE IF EXISTS \`default\`.\`${table}\``, never);
    await files.remove(root, never);
    files.close();
  });
  const consumer = hdfsConsumer([
    ...['--topics', `${topic},${alertTopic}`, '--hdfs-path', basePath, '--group-id', topic],
    ...['--hive-table', table, '--until-end'],
  ]);
  assert.equal(await consumer.ended(), 0, consumer.told);
  const lines = linesOf(await readTree({ basePath, files, root }));
  const places = lines.map((line) => line.file.split('/').slice(0, 2).join('/')).sort();
  assert.deepEqual(places, ['FR/Paris', 'JP/Tokyo', 'JP/Tokyo', 'US/Paris', 'US/Paris']);

  /** The rows of each topic, as verify finds them in the table. */
  const verified = (of: string) => {
    const own = { ...settings, params: { ...params, topic: of } };
    return start((deps) => runVerify(own, deps, { table })).done;
  };
  assert.equal((await verified(topic)).total.written, 3);
  assert.equal((await verified(alertTopic)).total.written, 2);

  const directory = workingDirectory(t);
  const env = { KH_HDFS__NAME_NODES: hdfs.nameNodes.join(','), KH_HIVE__HOST: hive.host };
  const args = ['report', '--input', basePath, '--output', 'page.html', '--export-data', 'out'];
  const { exit, stderr } = await kafkaHive(args, { directory, env });
  assert.deepEqual([exit, stderr], [0, '']);
  const text = readFileSync(join(directory, 'out/complete_statistics.json'), 'utf8');
  assert.equal(JSON.parse(text).overview.records, 5);

  await files.remove(`${root}/US/Paris`, never);
  await assert.rejects(verified(alertTopic), (error) => isCode(error, 'VERIFY_FAILED'));
});
