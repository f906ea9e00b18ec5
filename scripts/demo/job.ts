// The main job of the demo, step by step, on servers that run: what a user would do in several terminals.
import { setTimeout as delay } from 'node:timers/promises';
import { type LogEntry, type Running, startCommand } from './command.ts';
import { BROKEN_LINES } from './posts.ts';
import type { Screen } from './screen.ts';

export interface Job {
  readonly screen: Screen;
  readonly signal: AbortSignal;
  /** `--params` and `--config` of this demo, for every command. */
  readonly settings: readonly string[];
  readonly topic: string;
  readonly partitions: number;
  readonly batchSize: number;
  /** Without #; undefined sends every line. */
  readonly hashtag: string | undefined;
  readonly posts: AsyncIterable<string> | Iterable<string>;
  /** Lines in `posts`. */
  readonly postCount: number;
}

/** Milliseconds over which the posts are fed to the producer, so that it visits every topic partition. */
const FEED_MS = 6000;
const FEED_TICK_MS = 50;
/** Broken messages would be too large a share of only a few posts, and the consumer stops then. */
const POSTS_FOR_BROKEN = 100;

const rowsOf = (entry: LogEntry) => Number(entry['rows'] ?? 0);
const isPlaced = (entry: LogEntry) =>
  entry.message === 'batch placed' || entry.message === 'batch was placed by another writer';

/** Records acknowledged by Kafka, as the producer's last line says. */
function acknowledged(entry: LogEntry): number {
  const byPartition = Object.values((entry['partitions'] ?? {}) as Record<string, number>);
  return byPartition.reduce((sum, count) => sum + count, 0);
}

/** Sends messages that are no rows, as plain text. Creates the topic. Returns how many were acknowledged. */
export async function sendBroken(job: Job): Promise<number> {
  const count = job.postCount >= POSTS_FOR_BROKEN ? BROKEN_LINES.length : 0;
  let sent = 0;
  const producer = startCommand(['producer', '--raw', '--input', '-', ...job.settings], {
    signal: job.signal,
    onLog: (entry) => {
      if (entry.message.startsWith('sent ')) sent = acknowledged(entry);
    },
  });
  producer.child.stdin.end(
    BROKEN_LINES.slice(0, count)
      .map((line) => `${line}\n`)
      .join(''),
  );
  await producer.done;
  job.screen.note(
    `topic ${job.topic} has ${job.partitions} partitions and ${sent} broken messages`,
  );
  return sent;
}

export interface LiveConsumer {
  readonly running: Running;
  /** Rows it has placed so far. */
  placed(): number;
}

/** Starts the live consumer and waits until it reads every topic partition. */
export async function startLive(job: Job): Promise<LiveConsumer> {
  let rows = 0;
  const reading = new Set<unknown>();
  const running = startCommand(['consumer', ...job.settings], {
    signal: job.signal,
    onLog: (entry) => {
      if (isPlaced(entry)) rows += rowsOf(entry);
    },
  });
  await running.until((entry) => {
    if (entry.message === 'reading from') reading.add(entry['partition']);
    return reading.size === job.partitions;
  });
  job.screen.note('the live consumer reads all partitions, from now on');
  return { running, placed: () => rows };
}

/** Streams the posts into the producer, slowly enough to be seen. Returns how many Kafka acknowledged. */
export async function produce(job: Job): Promise<number> {
  let sent = 0;
  let byPartition: unknown;
  const hashtag = job.hashtag === undefined ? [] : [`#${job.hashtag}`];
  const producer = startCommand(
    ['producer', ...hashtag, '--source', 'lines', '--input', '-', ...job.settings],
    {
      signal: job.signal,
      onLog: (entry) => {
        if (!entry.message.startsWith('sent ')) return;
        sent = acknowledged(entry);
        byPartition = entry['partitions'];
      },
    },
  );
  await producer.until((entry) => entry.message.startsWith('producing to'));
  await Promise.race([feed(job, producer), producer.done]);
  await producer.done;
  const spread = Object.entries((byPartition ?? {}) as Record<string, number>)
    .map(([partition, count]) => `${partition}: ${count.toLocaleString('en-US')}`)
    .join(', ');
  job.screen.note(
    `Kafka acknowledged ${sent.toLocaleString('en-US')} posts (by partition: ${spread})`,
  );
  return sent;
}

async function feed(job: Job, producer: Running): Promise<void> {
  const { stdin } = producer.child;
  const show = job.screen.progress('posts', job.postCount);
  const perTick = Math.max(1, Math.ceil((job.postCount * FEED_TICK_MS) / FEED_MS));
  const pauseMs = Math.max(FEED_TICK_MS, FEED_MS / Math.max(1, job.postCount));
  let fed = 0;
  for await (const line of job.posts) {
    stdin.write(`${line}\n`);
    fed += 1;
    if (fed % perTick !== 0) continue;
    show(fed);
    await delay(pauseMs, undefined, { signal: job.signal });
  }
  stdin.end();
  show(fed);
}

/** Waits until the live consumer has placed `rows`, then ends it as Ctrl-C does. */
export async function finishLive(job: Job, live: LiveConsumer, rows: number): Promise<void> {
  const show = job.screen.progress('live rows', rows);
  show(live.placed());
  if (live.placed() < rows)
    await live.running.until(() => {
      show(live.placed());
      return live.placed() >= rows;
    });
  live.running.child.kill('SIGINT');
  await live.running.done;
  job.screen.note('the live consumer was told to stop (Ctrl-C), left its group and ended');
}

/** Starts consumer-from-position at the beginning and kills it with SIGKILL in the middle. Returns the rows placed. */
export async function killInTheMiddle(job: Job, records: number): Promise<number> {
  const batches = Math.max(1, Math.floor(records / job.batchSize / 3));
  let placed = 0;
  let rows = 0;
  const consumer = startCommand(['consumer-from-position', ...job.settings], {
    signal: job.signal,
    onLog: (entry) => {
      if (!isPlaced(entry)) return;
      placed += 1;
      rows += rowsOf(entry);
    },
  });
  const show = job.screen.progress('batches', batches);
  await consumer.until(() => {
    show(Math.min(placed, batches));
    return placed >= batches;
  });
  consumer.child.kill('SIGKILL');
  await consumer.child.ended;
  job.screen.note(
    `killed with SIGKILL, batches placed: ${placed} (${rows.toLocaleString('en-US')} rows in the table)`,
  );
  return rows;
}

/** Starts it again; it ends by itself when everything is placed. */
export async function resume(job: Job, rowsBefore: number, records: number): Promise<void> {
  let rows = rowsBefore;
  const from: string[] = [];
  const show = job.screen.progress('rows', records);
  const consumer = startCommand(['consumer-from-position', '--until-end', ...job.settings], {
    signal: job.signal,
    onLog: (entry) => {
      if (entry.message === 'reading from')
        from[Number(entry['partition'])] = String(entry['position']);
      if (!isPlaced(entry)) return;
      rows += rowsOf(entry) + Number(entry['deadLetters'] ?? 0);
      show(rows);
    },
  });
  await consumer.done;
  const offsets = from.map((offset, partition) => `${partition}: ${offset}`).join(', ');
  job.screen.note(
    `started again, it went on behind the last batch (offsets by partition: ${offsets})`,
  );
}
