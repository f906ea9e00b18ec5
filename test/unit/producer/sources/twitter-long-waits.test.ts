// What X brings back when the catching up itself takes long: limits of requests, and of posts a day.
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { idAt } from '../../../../clients/twitter/snowflake.ts';
import type { Clock } from '../../../../pipeline/clock.ts';
import { readUntil } from '../../../support/source-reading.ts';
import { type XWorld, xWorld } from '../../../support/x-world.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const worlds: XWorld[] = [];

after(() => Promise.all(worlds.map((world) => world.dispose())));

async function world(...options: Parameters<typeof xWorld>): Promise<XWorld> {
  const made = await xWorld(...options);
  worlds.push(made);
  return made;
}

/** Whoever waits for hours waits no longer than a moment: they pass for everybody. */
const passingHours = (clock: XWorld['clock']): Clock => ({
  now: () => clock.now(),
  monotonic: () => clock.monotonic(),
  sleep(ms, signal) {
    if (ms < HOUR_MS) return clock.sleep(ms, signal);
    clock.skip(ms);
    return clock.sleep(1, signal);
  },
});

suite('long waits at X', () => {
  test('a limit far below what there is falls behind; what is then older than 7 days is a gap', async () => {
    const { source, clock, ids } = await world({ rate: 172 / (24 * 3600) });
    const since = idAt(clock.now());
    clock.start();
    clock.skip(6.5 * DAY_MS);
    const reader = source({ clock: passingHours(clock), postsPerDay: 50 });
    const seen = await readUntil(
      reader,
      { id: String(since) },
      (found) => found.size > 400 && reader.gaps.length > 1,
    );
    assert.ok(seen.size > 400, `${seen.size} posts`);
    const found = [...seen.keys()];
    assert.deepEqual(
      found,
      found.toSorted((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)),
    );
    const [first] = reader.gaps;
    const inGaps = (at: number) =>
      reader.gaps.some(({ from = 0, to }) => at >= from - 1000 && at <= to + 1000);
    assert.ok(first, 'a gap is told');
    const last = found.at(-1) ?? '0';
    for (const id of ids(3000)) {
      if (BigInt(id) > BigInt(last)) break;
      const madeAt = Number(BigInt(id) >> 22n) + 1_288_834_974_657;
      assert.ok(seen.has(id) || inGaps(madeAt), `a post of ${new Date(madeAt).toISOString()}`);
    }
  });

  test('backfill that does not reach back to where a slow search ended is not relied on', async () => {
    const limited = { hasBackfill: true, searchesMax: 6 } as const;
    const { source, clock, ids } = await world({ rate: 1 }, limited, 600);
    const wishes = { backfillMinutes: 2 };
    const since = idAt(clock.now());
    clock.start();
    clock.skip(10 * 60_000);
    const seen = await readUntil(
      source({ wishes }),
      { id: String(since) },
      (found) => found.size > 2500,
    );
    assert.deepEqual([...seen.keys()], ids(seen.size));
  });
});
