// What the running producer says of itself to Prometheus: the real process, a real topic.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { ProducerProcess } from '../support/producer-process.ts';
import { scrape, total } from '../support/scraped.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';

test('the producer tells records sent, and the switch of the partition: which, for how long, how often', async (t) => {
  const directory = stateDirectory();
  const { params, config } = testSettings({ producer: { source: 'lines' } });
  const producer = { ...params.producer, topicPartitions: 3 };
  writeFileSync(join(directory, 'params.json'), JSON.stringify({ ...params, producer }));
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  const input = join(directory, 'input.txt');
  writeFileSync(input, 'one\ntwo\n');
  const args = ['--raw', '--follow', '--input', input, '--metrics-port', '0'];
  const command = new ProducerProcess({ directory, args: [...args, '--partition-switch', '1s'] });
  t.after(() => command.signal('SIGKILL'));
  let samples = await eventually(async () => {
    const now = await scrape(command);
    assert.equal(total(now, 'kafka_hive_records_sent_total'), 2, command.told);
    return now;
  });
  const first = samples.get('kafka_hive_producer_partition');
  assert.ok(first !== undefined && first < 3, `${first}`);
  // The switch comes with a record.
  samples = await eventually(async () => {
    writeFileSync(input, 'more\n', { flag: 'a' });
    const now = await scrape(command);
    assert.ok(total(now, 'kafka_hive_producer_partition_switches_total') >= 2);
    return now;
  });
  const topic = params.topic;
  const sentTo = [0, 1, 2].filter((partition) =>
    samples.has(`kafka_hive_records_sent_total{topic="${topic}",partition="${partition}"}`),
  );
  assert.ok(sentTo.length >= 2, sentTo.join());
  const spent = samples.get('kafka_hive_producer_partition_seconds') ?? -1;
  assert.ok(spent >= 0 && spent < 30, `${spent} s on it`);
  assert.ok(total(samples, 'kafka_hive_send_seconds_count') >= 2);
  command.signal('SIGTERM');
  assert.equal(await command.ended(), 0, command.told);
});
