// Rate and cost of the row encoder: 1,000,000 made posts of about 300 bytes in batches of 50,000, one JSON object a line.
// Usage: npx tsx bench/cases/encoder.ts [rounds] [contender ...]
import { Buffer } from 'node:buffer';
import { RowEncoder } from '../../clients/duckdb/row-encoder.ts';
import type { Batch } from '../../pipeline/batch.ts';
import type { PipelineRecord } from '../../pipeline/record.ts';
import { POST_COLUMNS, type TableSpec } from '../../pipeline/table.ts';

const RECORDS = 1_000_000;
const BATCH = 50_000;
const WORDS = 'stream table broker offset query café 東京 🚀 lag batch ledger rename shard'.split(
  ' ',
);
const START = Date.UTC(2026, 10, 21, 8);

function post(offset: number): string {
  const words = Array.from(
    { length: 14 },
    (_, i) => WORDS[(offset * 7 + i * i * 3 + (offset >> i)) % WORDS.length],
  );
  return JSON.stringify({
    id: String(1_857_000_000_000_000_000n + BigInt(offset) * 7919n),
    author: `user_${offset % 9973}`,
    text: `#kafka ${words.join(' ')} ${offset}`,
    hashtags: ['kafka', words[0]],
    lang: offset % 3 ? 'en' : 'ja',
    created_at: new Date(START + offset * 10).toISOString(),
    source: 'bench',
    url: `https://x.example/user_${offset % 9973}/status/${offset}`,
  });
}

function batchAt(start: number, value: (offset: number) => string): Batch {
  const records: PipelineRecord[] = [];
  for (let offset = start; offset < start + BATCH; offset += 1)
    records.push({
      offset: BigInt(offset),
      timestamp: START + offset * 10,
      key: null,
      value: Buffer.from(value(offset)),
      headers: undefined,
    });
  const range = { topic: 'bench', partition: 0, start: BigInt(start), end: BigInt(start + BATCH) };
  return { range, records };
}

const table = (format: TableSpec['format']): TableSpec => ({
  database: 'bench',
  name: 'posts',
  columns: POST_COLUMNS,
  dayFrom: 'kafka_timestamp',
  format,
  location: undefined,
});

interface Contender {
  readonly format: TableSpec['format'];
  readonly value?: (offset: number) => string;
  readonly threads?: number;
  readonly work?: 'files' | 'rows' | 'parse';
}

const offsetZone = (offset: number) => post(offset).replace('Z"', '+00:00"');
const twice = (offset: number) => post(offset).replace('{', '{"id":"0",');
const CONTENDERS: Record<string, Contender> = {
  'bare-json-parse': { format: 'parquet', work: 'parse' },
  parquet: { format: 'parquet' },
  'parquet-2-threads': { format: 'parquet', threads: 2 },
  'parquet-exact-way': { format: 'parquet', value: offsetZone },
  'parquet-duplicate-keys': { format: 'parquet', value: twice },
  json: { format: 'json' },
  'json-gzip': { format: 'json-gzip' },
  rows: { format: 'parquet', work: 'rows' },
};

const signal = new AbortController().signal;

async function encodeOne(encoder: RowEncoder, contender: Contender, batch: Batch): Promise<number> {
  if (contender.work === 'parse') {
    for (const { value } of batch.records) JSON.parse(String(value));
    return 0;
  }
  if (contender.work === 'rows') {
    await encoder.encodeRows(batch, signal);
    return 0;
  }
  const encoded = await encoder.encodeFiles(batch, signal);
  await encoded.dispose();
  return encoded.files.reduce((sum, file) => sum + file.bytes, 0);
}

async function run(name: string, contender: Contender): Promise<void> {
  const { format, value = post, threads } = contender;
  const encoder = await RowEncoder.open({
    table: table(format),
    valueFormat: 'json',
    tombstones: 'skip',
    ...(threads && { threads }),
  });
  let bytes = 0;
  let ms = 0;
  let cpu = 0;
  let busy = 0;
  let rss = 0;
  let bytesIn = 0;
  for (let start = 0; start < RECORDS; start += BATCH) {
    const batch = batchAt(start, value);
    for (const { value: sent } of batch.records) bytesIn += sent?.length ?? 0;
    const began = performance.now();
    const before = process.cpuUsage();
    const loop = performance.eventLoopUtilization();
    bytes += await encodeOne(encoder, contender, batch);
    ms += performance.now() - began;
    const { user, system } = process.cpuUsage(before);
    cpu += user + system;
    busy += performance.eventLoopUtilization(loop).active;
    rss = Math.max(rss, process.memoryUsage.rss());
  }
  await encoder.close();
  console.log(
    JSON.stringify({
      case: 'encoder',
      contender: name,
      rows_per_s: Math.round(RECORDS / (ms / 1000)),
      cpu_s_per_million: Number((cpu / 1e6).toFixed(2)),
      js_s_per_million: Number((busy / 1000).toFixed(2)),
      rss_mb: Math.round(rss / 2 ** 20),
      mb_in: Math.round(bytesIn / 2 ** 20),
      mb_out: Math.round(bytes / 2 ** 20),
    }),
  );
}

const [rounds = '1', ...names] = process.argv.slice(2);
for (let round = 0; round < Number(rounds); round += 1)
  for (const [name, contender] of Object.entries(CONTENDERS))
    if (names.length === 0 || names.includes(name)) await run(name, contender);
