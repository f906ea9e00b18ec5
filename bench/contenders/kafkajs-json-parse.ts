// Contender: bare kafkajs that reads a topic from its beginning and parses every value. What any consumer in this
// language must at least do. Arguments: settings file. Prints one JSON object.
import { readFileSync } from 'node:fs';
import { Kafka, logLevel } from 'kafkajs';

const { params, config, records } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const kafka = new Kafka({ brokers: config.kafka.brokers, logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({ groupId: `bench-${process.pid}-${Date.now()}` });
await consumer.connect();
await consumer.subscribe({ topic: params.topic, fromBeginning: true });
let began = 0;
let cpu = process.cpuUsage();
let seen = 0;
let bytes = 0;
const done = new Promise<void>((resolve) => {
  consumer.on(consumer.events.GROUP_JOIN, () => {
    began = performance.now();
    cpu = process.cpuUsage();
  });
  void consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { value } of batch.messages) {
        JSON.parse(value?.toString() ?? 'null');
        bytes += value?.length ?? 0;
      }
      seen += batch.messages.length;
      if (seen >= records) resolve();
    },
  });
});
await done;
const ms = performance.now() - began;
const used = process.cpuUsage(cpu);
const rssMb = process.resourceUsage().maxRSS / 1024;
console.log(
  JSON.stringify({ records: seen, bytes, ms, cpuMs: (used.user + used.system) / 1000, rssMb }),
);
await consumer.disconnect();
