// One of two members of a group is killed with SIGKILL: from the kill to the first batch of its partition that the survivor
// places, and likewise when it leaves in order.
import { KafkaSender } from '../../clients/kafka/producer.ts';
import { silentLog } from '../../pipeline/log.ts';
import { ConsumerProcess } from '../../test/support/consumer-process.ts';
import { eventually } from '../../test/support/eventually.ts';
import { posts } from '../../test/support/world.ts';
import { loadTopic } from '../load.ts';
import { median } from '../report.ts';
import { type BenchOptions, benchSettings } from '../settings.ts';

const PARTITIONS = 2;
const { signal } = new AbortController();

export async function takeover(options: BenchOptions): Promise<object[]> {
  const lines: object[] = [];
  for (const how of ['killed', 'leaves'] as const) {
    const times: number[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      times.push(await measure(options, how));
      options.say(`${how}, round ${round}: ${times.at(-1)} ms`);
    }
    lines.push({
      ...{ case: 'takeover', contender: `a member ${how}`, rounds: options.rounds },
      session_ms: benchSettings({}).params.consumer.sessionTimeoutMs,
      takeover_ms: Math.round(median(times)),
      takeover_ms_spread: [Math.min(...times), Math.max(...times)],
    });
  }
  return lines;
}

/** Milliseconds from the end of one member to the first batch of its partition that the other one has placed. */
async function measure(options: BenchOptions, how: 'killed' | 'leaves'): Promise<number> {
  const topic = options.name('bench');
  const settings = benchSettings({ topic, batch: { size: 50, idleMsMax: 200 } });
  const { kafka } = settings.config;
  await loadTopic(kafka, topic, { partitions: PARTITIONS, count: 100, bytes: 200 });
  const sender = await KafkaSender.open(kafka, silentLog, signal);
  const dying = new ConsumerProcess(settings);
  const surviving = new ConsumerProcess(settings);
  try {
    await eventually(() => {
      if (dying.assigned.length + surviving.assigned.length !== PARTITIONS) throw new Error('join');
      if (dying.assigned.length !== surviving.assigned.length) throw new Error('share');
    });
    const [partition] = dying.assigned;
    const began = Date.now();
    await (how === 'killed' ? dying.kill() : dying.stop());
    const ended = how === 'killed' ? began : Date.now();
    await sender.send(topic, posts(100, PARTITIONS), signal);
    return await eventually(() => {
      const line = surviving.said('batch placed').find((one) => {
        return one['partition'] === partition && Date.parse(one.time) >= ended;
      });
      if (!line) throw new Error(`the survivor has placed nothing of partition ${partition}`);
      return Date.parse(line.time) - ended;
    });
  } finally {
    await sender.close();
    await Promise.all([dying.kill(), surviving.kill()]);
  }
}
