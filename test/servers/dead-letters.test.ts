// Dead letters on the real broker: their topic, and what a letter holds.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { GroupConsumer } from '../../clients/kafka/consumer.ts';
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { readRanges } from '../../clients/kafka/read-ranges.ts';
import { DeadLetterShare, DeadLetters } from '../../consumer/dead-letters.ts';
import { silentLog } from '../../pipeline/log.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import type { Reject } from '../../pipeline/sink.ts';
import { testSettings } from '../support/settings.ts';
import { uniqueName } from '../support/stack.ts';

const signal = new AbortController().signal;
const { config } = testSettings();

describe('dead letters on a real broker', () => {
  let admin: KafkaAdmin;
  let sender: KafkaSender;
  before(async () => {
    admin = await KafkaAdmin.open(config.kafka, silentLog, signal, 60_000);
    sender = await KafkaSender.open(config.kafka, silentLog, signal, 60_000);
  });
  after(async () => {
    await sender.close();
    await admin.close();
  });

  async function readAll(topic: string): Promise<PipelineRecord[]> {
    const bounds = await admin.offsets(topic, signal);
    const ranges = [...bounds].map(([partition, { logStart, highWatermark }]) => ({
      topic,
      partition,
      start: logStart,
      end: highWatermark,
    }));
    const records: PipelineRecord[] = [];
    const open = (name: string, group: string) =>
      GroupConsumer.create(
        config.kafka,
        { topics: [name], group, sessionTimeoutMs: 10_000, retryMs: 60_000 },
        silentLog,
      );
    await readRanges(open, ranges, (_, record) => void records.push(record), signal);
    return records;
  }

  test('arrive byte for byte in a topic that is created for them, original headers kept', async () => {
    const topic = uniqueName('letters');
    const letters = new DeadLetters({
      topicFor: () => topic,
      table: 'default.posts',
      sender,
      share: new DeadLetterShare({ deadLetterShare: 0.5, deadLetterWindow: 1000 }),
      ensureTopic: (name, until) =>
        admin.ensureTopic(name, { partitions: 1, replication: 1 }, until),
      log: silentLog,
    });
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const values = [
      everyByte,
      Buffer.from([0xc3, 0x28]),
      Buffer.alloc(0),
      null,
      Buffer.alloc(300_000, 7),
    ];
    const trace = [Buffer.from('first'), Buffer.from([0xff, 0x00])];
    const records = values.map((value, index) => ({
      offset: 2n ** 53n + BigInt(index),
      timestamp: 1_700_000_000_000 + index,
      key: index === 1 ? null : everyByte,
      value,
      headers: index === 0 ? { trace, empty: [Buffer.alloc(0)] } : undefined,
    }));
    const rejects: Reject[] = records.map((record) => ({
      record,
      code: 'CODEC_NOT_JSON',
      reason: 'ends too early ✂',
    }));
    const range = { topic: 'posts', partition: 3, start: 2n ** 53n, end: 2n ** 53n + 5n };
    await letters.send({ range, records }, rejects, signal);

    const arrived = await readAll(topic);
    assert.equal(arrived.length, records.length);
    for (const [index, letter] of arrived.entries()) {
      const record = records[index];
      assert.deepEqual(letter.value, record?.value);
      assert.deepEqual(letter.key, record?.key);
      const header = (name: string) => letter.headers?.[`kafka_hive.${name}`]?.[0]?.toString();
      assert.equal(header('topic'), 'posts');
      assert.equal(header('partition'), '3');
      assert.equal(header('offset'), String(record?.offset));
      assert.equal(header('timestamp'), String(record?.timestamp));
      assert.equal(header('code'), 'CODEC_NOT_JSON');
      assert.equal(header('reason'), 'ends too early ✂');
      assert.equal(header('table'), 'default.posts');
    }
    assert.deepEqual(arrived[0]?.headers?.['trace'], trace);
    assert.deepEqual(arrived[0]?.headers?.['empty'], [Buffer.alloc(0)]);
    assert.ok(
      (arrived[0]?.timestamp ?? 0) > 1_700_000_000_000 + 1000,
      'kept as long as if it were new',
    );
  });
});
