// What a consumer tells, as it stands in the metrics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConsumerMetrics } from '../../../monitor/consumer-metrics.ts';
import { createMetrics } from '../../../monitor/metrics.ts';
import { PipelineError } from '../../../pipeline/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { parseSamples } from '../../support/scraped.ts';
import { batchAt, entryOf } from './world.ts';

function open(at = 10_000) {
  const metrics = createMetrics();
  const consumer = new ConsumerMetrics(metrics.registry, new ManualClock(at));
  const samples = async () => parseSamples((await metrics.scrape()).text);
  return { consumer, samples };
}

const OF = { topic: 't', partition: 0 };
const at = (name: string) => `kafka_hive_${name}{topic="t",partition="0"}`;

test('records read, written, dead-lettered, bytes, batches, latency and repetitions are told', async () => {
  const { consumer, samples } = open();
  consumer.assigned([OF]);
  consumer.read(OF, 5, 9n);
  const batch = batchAt(0n, [9000, 9500, 9990, 12_000]);
  consumer.placed(batch, entryOf(batch, { 'FR/Paris': 2, 'DE/Berlin': 1 }, 1), true, 250);
  consumer.retried('placing', new PipelineError('HDFS_UNAVAILABLE', 'gone'));
  const told = await samples();
  assert.equal(told.get(at('records_read_total')), 5);
  assert.equal(told.get(at('records_written_total')), 3);
  assert.equal(told.get(at('records_dead_lettered_total')), 1);
  assert.equal(told.get(at('written_bytes_total')), 300);
  assert.equal(told.get('kafka_hive_batches_total{topic="t",partition="0",writer="own"}'), 1);
  assert.equal(told.get('kafka_hive_retries_total{step="placing",code="HDFS_UNAVAILABLE"}'), 1);
  assert.equal(told.get('kafka_hive_delivery_seconds_sum'), 0.25);
  assert.equal(told.get('kafka_hive_batch_records_sum'), 4);
  // One second, half a second, 10 ms; a clock of the sender's that runs ahead counts as none.
  assert.equal(told.get('kafka_hive_record_latency_seconds_sum'), 1.51);
  assert.equal(told.get('kafka_hive_record_latency_seconds_count'), 4);
});

test("another writer's batch moves the lag and counts as no row of this process", async () => {
  const { consumer, samples } = open();
  consumer.assigned([OF]);
  consumer.read(OF, 5, 9n);
  assert.equal((await samples()).has(at('consumer_lag')), false);
  const batch = batchAt(0n, [1, 2, 3]);
  consumer.placed(batch, entryOf(batch, { 'FR/Paris': 3 }), false, 1);
  const told = await samples();
  assert.equal(told.get(at('consumer_lag')), 6);
  assert.equal(told.has(at('records_written_total')), false);
  assert.equal(told.get('kafka_hive_batches_total{topic="t",partition="0",writer="other"}'), 1);
});

test('the lag of a topic partition that moved to another process is not told here any more', async () => {
  const { consumer, samples } = open();
  consumer.assigned([OF, { topic: 't', partition: 1 }]);
  consumer.read(OF, 3, 3n);
  const batch = batchAt(0n, [1, 2]);
  consumer.placed(batch, entryOf(batch, { 'FR/Paris': 2 }), true, 1);
  assert.equal((await samples()).get(at('consumer_lag')), 1);
  consumer.assigned([{ topic: 't', partition: 1 }]);
  assert.equal((await samples()).has(at('consumer_lag')), false);
});
