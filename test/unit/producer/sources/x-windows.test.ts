// How search, which gives the newest first, becomes posts in order within bounded memory.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { idAt, parseId, timeOf } from '../../../../clients/twitter/snowflake.ts';
import { type AskPage, XWindows } from '../../../../producer/sources/x-windows.ts';

const BEGIN_MS = 1_763_000_000_000;
const SINCE = idAt(BEGIN_MS) - 1n;

/** Search over posts made at these milliseconds after the beginning; pages of 100, newest first. */
function search(atMs: readonly number[]): { readonly ask: AskPage; pages: number; held: number } {
  const ids = atMs.map((ms, index) => idAt(BEGIN_MS + ms) + BigInt(index % 1000));
  const state = {
    pages: 0,
    held: 0,
    ask: (async ({ sinceId, endMs, token }) => {
      const found = ids.filter((id) => id > sinceId && timeOf(id) < endMs).toReversed();
      const from = Number(token ?? 0);
      const posts = found.slice(from, from + 100).map((id) => ({ data: { id: String(id) } }));
      state.pages += 1;
      state.held = token === undefined ? posts.length : state.held + posts.length;
      return { posts, next: from + 100 < found.length ? String(from + 100) : undefined };
    }) satisfies AskPage,
  };
  return state;
}

async function readAll(windows: XWindows, endMs: number): Promise<bigint[]> {
  const seen: bigint[] = [];
  for await (const { posts, upTo } of windows.between(SINCE, endMs, (since) => since)) {
    const ids = posts.map(({ data }) => parseId((data as { id: string }).id) ?? 0n);
    assert.ok(ids.every((id) => id <= upTo));
    seen.push(...ids);
  }
  return seen;
}

suite('windows of search', () => {
  test('a dense hour comes oldest first, once, and no window holds much more than it may', async () => {
    const posts = search(Array.from({ length: 20_000 }, (_, index) => index * 180));
    const seen = await readAll(new XWindows(['#a'], posts.ask, 1000), BEGIN_MS + 3_600_000);
    assert.equal(seen.length, 20_000);
    assert.ok(seen.every((id, index) => index === 0 || id > (seen[index - 1] ?? 0n)));
    assert.ok(posts.held <= 1100, `${posts.held}`);
    assert.ok(posts.pages < 280, `${posts.pages} pages for 200`);
  });

  test('more posts in one second than may be held come all the same', async () => {
    const posts = search(Array.from({ length: 3000 }, (_, index) => Math.floor(index / 4)));
    const seen = await readAll(new XWindows(['#a'], posts.ask, 500), BEGIN_MS + 2000);
    assert.equal(seen.length, 3000);
  });

  test('a quiet week takes few searches', async () => {
    const posts = search([]);
    await readAll(new XWindows(['#a'], posts.ask, 5000), BEGIN_MS + 7 * 24 * 3_600_000);
    assert.ok(posts.pages <= 12, `${posts.pages}`);
  });

  test('a post that two queries find comes once', async () => {
    const posts = search([0, 1000, 2000]);
    const seen = await readAll(new XWindows(['#a', '#b'], posts.ask, 5000), BEGIN_MS + 60_000);
    assert.equal(seen.length, 3);
  });

  test('an end that is not behind the beginning asks for nothing', async () => {
    const posts = search([0]);
    assert.deepEqual(await readAll(new XWindows(['#a'], posts.ask, 5000), BEGIN_MS), []);
    assert.equal(posts.pages, 0);
  });
});
