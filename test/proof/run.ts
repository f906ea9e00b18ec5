// `npm run prove:sources -- [source ...] [--posts N] [--kills N] [--rate N] [--seed N]`: every source through its double with
// all its faults mixed, the producer killed again and again; prints where the posts ended, and ends with 1 when one is wrong.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLog } from '../../pipeline/log.ts';
import { deferred } from '../../pipeline/retry.ts';
import { down, up } from '../../stack/launch.ts';
import { type Proof, proveSource } from './prove-source.ts';
import { SOURCE_CASES } from './source-cases.ts';

const DOUBLED_SHARE_MAX = 0.001;
const WITHIN_MS = 30 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    posts: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '5' },
    rate: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(SOURCE_CASES);
const unknown = names.find((name) => !SOURCE_CASES[name]);
if (unknown !== undefined) {
  console.error(
    `there is no source "${unknown}"; there are: ${Object.keys(SOURCE_CASES).join(', ')}`,
  );
  process.exit(2);
}
const own = process.env['KH_TEST_STACK']
  ? undefined
  : mkdtempSync(join(tmpdir(), 'kafka-hive-proof-stack-'));
const log = createLog({ level: 'info', format: 'pretty' });
const stop = new AbortController();
const stopped = deferred<never>();
stopped.promise.catch(() => {});
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    stop.abort(new Error('interrupted'));
    stopped.reject(stop.signal.reason);
  });
}
try {
  if (own) {
    await up({ dataDir: own, ports: 'free', log, signal: stop.signal });
    process.env['KH_TEST_STACK'] = join(own, 'endpoints.json');
  }
  const results = await Promise.race([Promise.all(names.map(prove)), stopped.promise]);
  process.exitCode = results.every(Boolean) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  if (own) {
    await down({ dataDir: own, log });
    rmSync(own, { recursive: true, force: true });
  }
  // A proof that was interrupted still waits for its producer, which ends with this process.
  if (stop.signal.aborted) process.exit();
}

async function prove(name: string): Promise<boolean> {
  const [posts, rate, seed] = [values.posts, values.rate, values.seed].map(Number);
  const load = { posts: posts ?? 0, rate: rate ?? 0, seed: seed ?? 0 };
  // About 30 faults between posts: some of them cost half a minute each.
  const postsBetween = Math.ceil(load.posts / 30);
  const source = await SOURCE_CASES[name]?.({ ...load, postsBetween, spareTime: false });
  if (!source) return false;
  try {
    const options = { kills: Number(values.kills), withinMs: WITHIN_MS, partitionSwitch: '10s' };
    const proof = await proveSource(source, options);
    const isProven = isRight(proof);
    console.log(`${isProven ? 'proven' : 'BROKEN'}  ${name}  ${JSON.stringify(proof)}`);
    return isProven;
  } catch (error) {
    console.log(`BROKEN  ${name}  ${error instanceof Error ? error.message : error}`);
    return false;
  } finally {
    await source.close();
  }
}

function isRight(proof: Proof): boolean {
  const { missing, foreign, outOfOrder, torn, doubled, posts, rows, rowIds } = proof;
  return (
    missing + foreign + outOfOrder + torn === 0 &&
    doubled <= posts * DOUBLED_SHARE_MAX &&
    rows === posts &&
    rowIds === posts
  );
}
