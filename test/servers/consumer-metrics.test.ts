// What the running consumers of Hive tables say of themselves to Prometheus: real processes, a real topic and table.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CommandProcess } from '../support/command-process.ts';
import { eventually } from '../support/eventually.ts';
import { scrape, total } from '../support/scraped.ts';
import { stateDirectory, testSettings } from '../support/settings.ts';
import { posts, World } from '../support/world.ts';

let world: World;
before(async () => {
  world = await World.open(testSettings());
});
after(() => world.close());

test('both consumers tell records read, written and dead-lettered, batches, lag and latency', async (t) => {
  const directory = stateDirectory();
  const { params, config } = testSettings({ batch: { size: 10, idleMsMax: 300 } });
  writeFileSync(join(directory, 'params.json'), JSON.stringify(params));
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  await world.createTopic(params.topic, 2);
  const args = ['--params', 'params.json', '--config', 'config.json', '--metrics-port', '0'];
  const commands = ['consumer', 'consumer-from-position'].map(
    (name) => new CommandProcess(name, { directory, args }),
  );
  t.after(() => {
    for (const command of commands) command.signal('SIGKILL');
  });
  for (const command of commands) {
    await eventually(() =>
      assert.ok(command.messages.includes('partitions assigned'), command.told),
    );
  }
  const bad = { key: null, value: Buffer.from('no JSON'), partition: 0 };
  await world.send(params.topic, [...posts(30, 2), bad]);
  for (const command of commands) {
    const samples = await eventually(async () => {
      const now = await scrape(command);
      assert.equal(total(now, 'kafka_hive_records_written_total'), 30, command.told);
      assert.equal(total(now, 'kafka_hive_records_dead_lettered_total'), 1, command.told);
      return now;
    });
    // A join reads again what was under way, or the last record in front of the position.
    assert.ok(total(samples, 'kafka_hive_records_read_total') >= 31);
    assert.ok(total(samples, 'kafka_hive_batches_total') >= 4);
    assert.equal(total(samples, 'kafka_hive_consumer_lag'), 0);
    assert.ok(samples.has(`kafka_hive_consumer_lag{topic="${params.topic}",partition="1"}`));
    assert.equal(total(samples, 'kafka_hive_record_latency_seconds_count'), 31);
    assert.ok(total(samples, 'kafka_hive_record_latency_seconds_sum') > 0);
    assert.ok(total(samples, 'kafka_hive_written_bytes_total') > 0);
    command.signal('SIGTERM');
    assert.equal(await command.ended(), 0, command.told);
  }
});
