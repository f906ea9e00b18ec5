// The producer at a steady 2,000 posts a second from Bluesky's double, each in a process of its own: its share of one core,
// and its memory after a tenth of the posts and after all.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KafkaAdmin } from '../../clients/kafka/admin.ts';
import { silentLog } from '../../pipeline/log.ts';
import { eventually } from '../../test/support/eventually.ts';
import { ProducerProcess } from '../../test/support/producer-process.ts';
import { type BenchOptions, benchSettings } from '../settings.ts';

const POSTS = 500_000;
const RATE = 2000;
/** The kernel counts CPU time in these. */
const TICK_MS = 10;
const { signal } = new AbortController();

interface Reading {
  readonly posts: number;
  readonly atMs: number;
  readonly cpuMs: number;
  readonly rssMb: number;
}

/** One round of `--records` posts: it takes more than 4 minutes by itself. */
export async function producerCase(options: BenchOptions): Promise<object[]> {
  const posts = options.records ?? POSTS;
  const topic = options.name('bench');
  const { kafka } = benchSettings({ topic }).config;
  const admin = await KafkaAdmin.open(kafka, silentLog, signal, 60_000);
  await admin.ensureTopic(topic, { partitions: 4, replication: 1 }, signal);
  const directory = mkdtempSync(join(tmpdir(), 'kafka-hive-bench-'));
  const double = await startDouble(posts);
  writeFileSync(
    join(directory, 'config.json'),
    JSON.stringify({ kafka: { brokers: kafka.brokers }, bluesky: { hosts: [double.url] } }),
  );
  const params = { topic, hashtag: 'kafka', producer: { source: 'bluesky' } };
  writeFileSync(join(directory, 'params.json'), JSON.stringify(params));
  const producer = new ProducerProcess({ directory, args: [] });
  const at = async (count: number) => {
    const found = await eventually(async () => {
      if (producer.exitCode !== undefined) return undefined;
      const bounds = await admin.offsets(topic, signal);
      const sent = [...bounds.values()].reduce((sum, one) => sum + Number(one.highWatermark), 0);
      if (sent < count) throw new Error(`${sent} of ${count}: ${producer.told.slice(-1000)}`);
      return reading(sent, producer);
    }, 3_600_000);
    if (!found) throw new Error(`the producer has ended: ${producer.told.slice(-1000)}`);
    return found;
  };
  try {
    const first = await at(Math.ceil(posts / 10));
    options.say(`${first.posts} posts sent, ${first.rssMb} MB`);
    const last = await at(posts);
    const ms = last.atMs - first.atMs;
    const cpuMs = last.cpuMs - first.cpuMs;
    const sent = last.posts - first.posts;
    return [
      {
        ...{ case: 'producer', contender: 'producer, bluesky', posts },
        posts_per_s: Math.round((sent * 1000) / ms),
        core_percent: Number(((cpuMs * 100) / ms).toFixed(1)),
        cpu_ms_per_1000: Number(((cpuMs * 1000) / sent).toFixed(1)),
        rss_mb_at_tenth: first.rssMb,
        rss_mb_at_end: last.rssMb,
      },
    ];
  } finally {
    producer.signal('SIGKILL');
    double.child.kill('SIGKILL');
    await admin.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startDouble(posts: number): Promise<{ child: ChildProcess; url: string }> {
  const script = join(import.meta.dirname, '../../test/doubles/main.ts');
  const load = ['--posts', String(posts), '--rate', String(RATE)];
  const child = spawn(process.execPath, ['--import', 'tsx', script, 'bluesky', ...load], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill('SIGKILL'));
  const [printed] = await once(child.stdout, 'data');
  const [url] = /ws:\/\/[\d.:]+\d/.exec(String(printed)) ?? [];
  if (url === undefined) throw new Error(`the double says no address: ${printed}`);
  return { child, url };
}

/** As the kernel counts it: all threads, user and system. */
function reading(posts: number, producer: ProducerProcess): Reading {
  const stat = readFileSync(`/proc/${producer.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = readFileSync(`/proc/${producer.pid}/status`, 'utf8');
  return {
    posts,
    atMs: performance.now(),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
  };
}
