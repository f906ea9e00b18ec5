// Fills a topic with posts of a given size, the same ones in every run.
import { KafkaAdmin } from '../clients/kafka/admin.ts';
import { KafkaSender } from '../clients/kafka/producer.ts';
import type { Config } from '../params/schema.ts';
import { silentLog } from '../pipeline/log.ts';
import type { OutgoingRecord } from '../pipeline/record.ts';

const START_MS = 60_000;
const WORDS =
  'stream table batch offset ledger commit place broker topic lag kafka hive parquet weather'.split(
    ' ',
  );

/** A small generator of pseudo-random numbers (mulberry32), so that every run loads the same bytes. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A post whose JSON has about `bytes` bytes. */
function postOf(id: number, bytes: number, random: () => number): Buffer {
  const post = {
    id: String(1_700_000_000_000_000_000n + BigInt(id)),
    author: `author${Math.floor(random() * 5000)}`,
    text: '',
    hashtags: ['kafka', WORDS[Math.floor(random() * WORDS.length)]],
    lang: random() < 0.7 ? 'en' : 'fr',
    created_at: new Date(1_790_000_000_000 + id * 10).toISOString(),
    source: 'bench',
    url: `https://example.org/${id}`,
  };
  const room = bytes - JSON.stringify(post).length;
  while (post.text.length < room) post.text += `${WORDS[Math.floor(random() * WORDS.length)]} `;
  post.text = post.text.slice(0, Math.max(0, room));
  return Buffer.from(JSON.stringify(post));
}

/** Creates `topic` with `partitions` partitions and `count` records, which `make` makes by their number. */
export async function loadRecords(
  config: Config['kafka'],
  topic: string,
  partitions: number,
  count: number,
  make: (number: number) => OutgoingRecord,
): Promise<void> {
  const { signal } = new AbortController();
  const admin = await KafkaAdmin.open(config, silentLog, signal, START_MS);
  await admin.ensureTopic(topic, { partitions, replication: 1 }, signal);
  await admin.close();
  const sender = await KafkaSender.open(config, silentLog, signal, START_MS);
  const chunk = 8000;
  for (let first = 0; first < count; first += chunk) {
    const length = Math.min(chunk, count - first);
    const records = Array.from({ length }, (_, index) => make(first + index));
    await sender.send(topic, records, signal);
  }
  await sender.close();
}

/** Creates `topic` with `partitions` partitions and `count` records of `bytes` bytes, record i on partition i modulo partitions. */
export async function loadTopic(
  config: Config['kafka'],
  topic: string,
  { partitions, count, bytes }: { partitions: number; count: number; bytes: number },
): Promise<void> {
  const random = generator(42);
  await loadRecords(config, topic, partitions, count, (id) => ({
    ...{ key: null, value: postOf(id, bytes, random), partition: id % partitions },
  }));
}
