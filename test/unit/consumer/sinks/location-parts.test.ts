// Parts staged beside their files: what was staged in vain is removed, and nothing that an entry may still name.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { LocalFiles } from '../../../../clients/files/local.ts';
import { LocationParts } from '../../../../consumer/sinks/location-parts.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import type { BatchRecord } from '../../../../pipeline/ledger.ts';
import type { TopicPartition } from '../../../../pipeline/range.ts';

const base = mkdtempSync(join(tmpdir(), 'kafka-hive-parts-'));
after(() => rmSync(base, { recursive: true, force: true }));
const { signal } = new AbortController();
const files = new LocalFiles();
const of = { topic: 'alerts', partition: 0 };
const other = { topic: 'alerts', partition: 10 };
let root: string;
let now = 0;
beforeEach(() => {
  root = mkdtempSync(join(base, 'case-'));
});

const open = () => new LocationParts(files, root, { ...systemClock, monotonic: () => now });

async function stage(parts: LocationParts, at: TopicPartition, start: bigint, attempt: string) {
  for (const location of ['FR/Paris', 'DE/Berlin']) {
    const path = parts.stage({ ...at, start, end: start + 5n }, location, attempt);
    await files.create(`${root}/${path}`, Buffer.from('x'), signal);
  }
}

function recordAt(start: bigint, attempt: string): BatchRecord {
  const end = start + 5n;
  return {
    ...{ ...of, start, end, attempt, kind: 'batch', files: [], rows: 5, skipped: 0 },
    ...{ deadLetters: 0, last: undefined, at: 0 },
  };
}

/** What lies in both locations, as `<partition>+<start>+<attempt>`. */
function left(): string[] {
  const [paris, berlin] = ['FR/Paris', 'DE/Berlin'].map((location) =>
    readdirSync(join(root, location)).map((name) => name.replace('_part+alerts+', '')),
  );
  assert.deepEqual(paris?.sort(), berlin?.sort());
  return paris ?? [];
}

test('a placed batch takes away what other attempts of this process left up to its start, and nothing behind it', async () => {
  const parts = open();
  await stage(parts, of, 0n, 'old');
  await stage(parts, of, 5n, 'failed');
  await stage(parts, of, 5n, 'winner');
  await stage(parts, of, 10n, 'committed-unawares');
  await stage(parts, other, 5n, 'elsewhere');
  await parts.placed(recordAt(5n, 'winner'), signal);
  assert.deepEqual(left(), ['0+10+committed-unawares', '0+5+winner', '10+5+elsewhere']);
  await parts.placed(recordAt(10n, 'of-another-writer'), signal);
  assert.deepEqual(left(), ['0+5+winner', '10+5+elsewhere']);
});

test('a sweep finds what dead processes left in any location for starts before the position', async () => {
  await stage(open(), of, 0n, 'dead');
  await stage(open(), of, 5n, 'late');
  await stage(open(), other, 0n, 'elsewhere');
  await files.create(`${root}/FR/Paris/alerts.json`, Buffer.from('x'), signal);
  const parts = open();
  await parts.sweep(of, 5n, signal);
  rmSync(`${root}/FR/Paris/alerts.json`);
  assert.deepEqual(left(), ['0+5+late', '10+0+elsewhere']);
  await parts.sweep(other, 1n, signal);
  assert.deepEqual(left(), ['0+5+late']);
  await stage(open(), of, 1n, 'after the walk');
  now += 60_000;
  await parts.sweep(of, 5n, signal);
  assert.deepEqual(left(), ['0+5+late']);
});
