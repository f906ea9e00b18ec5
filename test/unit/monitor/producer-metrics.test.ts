// What the producer tells, as it stands in the metrics.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from '../../../monitor/metrics.ts';
import { ProducerMetrics } from '../../../monitor/producer-metrics.ts';
import { PipelineError } from '../../../pipeline/errors.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { parseSamples } from '../../support/scraped.ts';

test('sends, repetitions and the time on a partition are told, earlier runs included', async () => {
  const metrics = createMetrics();
  const clock = new ManualClock();
  const producer = new ProducerMetrics(metrics.registry, clock);
  const samples = async () => parseSamples((await metrics.scrape()).text);
  assert.equal((await samples()).has('kafka_hive_producer_partition'), false);
  producer.onPartition(2, 90_000);
  clock.at(5000);
  producer.sent('t', new Map([[2, 10]]), 250);
  producer.retried(new PipelineError('KAFKA_UNAVAILABLE', 'gone'));
  const first = await samples();
  assert.equal(first.get('kafka_hive_producer_partition'), 2);
  assert.equal(first.get('kafka_hive_producer_partition_seconds'), 95);
  assert.equal(first.get('kafka_hive_producer_partition_switches_total'), 0);
  assert.equal(first.get('kafka_hive_records_sent_total{topic="t",partition="2"}'), 10);
  assert.equal(first.get('kafka_hive_send_seconds_sum'), 0.25);
  assert.equal(first.get('kafka_hive_retries_total{step="sending",code="KAFKA_UNAVAILABLE"}'), 1);
  producer.onPartition(0, 0);
  const second = await samples();
  assert.equal(second.get('kafka_hive_producer_partition'), 0);
  assert.equal(second.get('kafka_hive_producer_partition_seconds'), 0);
  assert.equal(second.get('kafka_hive_producer_partition_switches_total'), 1);
});
