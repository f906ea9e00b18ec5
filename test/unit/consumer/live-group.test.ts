// Several live consumers that all found their group empty: only the first to begin a topic partition passes anything over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveGroup } from '../../../consumer/live-group.ts';
import { parseCommitted } from '../../../consumer/positions/group.ts';
import type { PlacedBatch } from '../../../pipeline/position-store.ts';

const of = { topic: 'posts', partition: 2 };
const { signal } = new AbortController();

/** The group of a broker: its members, and what they commit. */
class Group {
  members = 0;
  readonly #committed = new Map<number, { offset: bigint; metadata: string }>();

  look(): Promise<LiveGroup> {
    const admin = {
      groupOffsets: async () => new Map(this.#committed),
      groupState: async () => ({ state: 'any', members: this.members }),
    };
    return LiveGroup.look({ admin, group: 'live', topics: ['posts'] }, signal);
  }

  commit({ partition, start, end, attempt }: PlacedBatch): void {
    this.#committed.set(partition, { offset: end, metadata: `${start} ${attempt}` });
  }

  get committed() {
    const found = this.#committed.get(of.partition);
    assert.ok(found);
    return found;
  }
}

const placed = { ...of, start: 40n, end: 50n, attempt: 'a' };

test('who finds members in the group begins nothing', async () => {
  const group = new Group();
  group.members = 1;
  assert.equal(await (await group.look()).isFirst(of, signal), false);
});

test('of two that find the group empty, the second goes on where the first began', async () => {
  const group = new Group();
  group.commit(placed);
  const [first, second] = [await group.look(), await group.look()];
  assert.equal(await first.isFirst(of, signal), true);
  assert.equal(await second.isFirst(of, signal), true, 'nobody has begun yet');
  group.commit(first.signature(of, 50n, placed));
  assert.equal(await second.isFirst(of, signal), false);
  assert.equal(await second.isFirst({ ...of, partition: 3 }, signal), true, 'another partition');
});

test('a signature is told from what was committed before, and is a hint as that was', async () => {
  const group = new Group();
  group.commit(placed);
  const live = await group.look();
  const before = group.committed;
  group.commit(live.signature(of, 50n, placed));
  assert.notDeepEqual(group.committed, before);
  assert.deepEqual(parseCommitted(of, group.committed), placed);
  group.commit(live.signature(of, 7n, undefined));
  assert.equal(group.committed.offset, 7n);
  assert.equal(parseCommitted(of, group.committed), undefined, 'no batch ends there');
});
