// `positions show|set|rebuild` on a ledger in memory.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { resume } from '../../../../consumer/chain.ts';
import { rebuild } from '../../../../consumer/positions/command.ts';
import { FilePositionStore, readPositionFile } from '../../../../consumer/positions/file.ts';
import {
  type MoveParts,
  parsePartitionOffsets,
  setPositions,
} from '../../../../consumer/positions/move.ts';
import { exportJson, showLines, survey } from '../../../../consumer/positions/survey.ts';
import { systemClock } from '../../../../pipeline/clock.ts';
import { type ErrorCode, isCode } from '../../../../pipeline/errors.ts';
import { silentLog } from '../../../../pipeline/log.ts';
import type { PlacedBatch } from '../../../../pipeline/position-store.ts';
import { chainOf, entryOf } from '../../../support/memory-ledger.ts';

const signal = new AbortController().signal;
const of = { topic: 'posts', partition: 0 };

/** Partition 0 with batches up to 20 of a topic that ends at 50; partition 1 not read yet, kept from 5 on. */
async function world(saved?: PlacedBatch) {
  const ledger = await chainOf(of, [0, 10, 20]);
  const placed: bigint[] = [];
  const parts: MoveParts = {
    topic: 'posts',
    ledger,
    place: async ({ start }) => void placed.push(start),
    saved: async (partition) => (partition === 0 ? saved : undefined),
    bounds: new Map([
      [1, { logStart: 5n, highWatermark: 9n }],
      [0, { logStart: 0n, highWatermark: 50n }],
    ]),
    clock: systemClock,
  };
  const set = (text: string, force = false) =>
    setPositions(parts, parsePartitionOffsets(text), force, signal);
  return { ledger, placed, parts, set };
}

async function refused(promise: Promise<unknown>, code: ErrorCode, pattern: RegExp) {
  await assert.rejects(promise, (error) => {
    assert.ok(isCode(error, code), String(error));
    assert.match(error.message, pattern);
    return true;
  });
}

describe('positions show', () => {
  test('tells for each partition what is saved, what the ledger has, and the lag', async () => {
    const { parts } = await world({ ...of, start: 0n, end: 10n, attempt: '0-10' });
    const standings = await survey(parts, signal);
    assert.deepEqual(
      standings.map(({ partition, saved, position }) => [partition, saved?.end, position]),
      [
        [0, 10n, 20n],
        [1, undefined, undefined],
      ],
    );
    assert.deepEqual(
      showLines(standings).map((line) => line.trim().split(/ {2,}/)),
      [
        ['partition', 'saved', 'ledger', 'topic end', 'lag'],
        ['0', '10', '20', '50', '30'],
        ['1', '-', '-', '9', '4'],
      ],
    );
    const json = JSON.parse(exportJson('posts', 'default.posts', standings));
    assert.deepEqual(json.positions[0].saved, { start: '0', end: '10' });
    assert.equal(json.positions[0].position, '20');
  });

  test('a saved position that the ledger does not know is shown, and not believed', async () => {
    const { parts } = await world({ ...of, start: 33n, end: 44n, attempt: '33-44' });
    const [first] = await survey(parts, signal);
    assert.deepEqual([first?.saved?.end, first?.position], [44n, 20n]);
  });
});

describe('positions set', () => {
  test('forward without --force is refused and changes nothing', async () => {
    const { ledger, set } = await world();
    await refused(
      set('0:30'),
      'POSITION_AHEAD',
      /posts-0: going from 20 to 30 leaves out up to 10/,
    );
    await refused(set('1:7'), 'POSITION_AHEAD', /posts-1: going from 5 to 7/);
    assert.equal(ledger.entries.size, 2);
    assert.equal(ledger.origins.size, 1);
  });

  test('forward with --force records the jump behind the chain, the last batch placed before', async () => {
    const { ledger, placed, set } = await world();
    assert.deepEqual(await set('0:30', true), ['posts-0 [20, 30) is passed over']);
    const entry = await ledger.read(of, 20n);
    assert.deepEqual([entry?.kind, entry?.end, entry?.rows], ['skip', 30n, 0]);
    assert.deepEqual(placed, [10n]);
  });

  test('backwards is refused always: the rows are in the table', async () => {
    const { ledger, set } = await world();
    for (const force of [false, true]) {
      await refused(set('0:19', force), 'USAGE', /holds everything up to 20; going back to 19/);
    }
    assert.equal(ledger.entries.size, 2);
  });

  test('to where it stands is no change', async () => {
    const { ledger, set } = await world();
    assert.deepEqual(await set('0:20'), ['posts-0 is at 20']);
    assert.equal(ledger.entries.size, 2);
  });

  test('behind the end of the topic, before its beginning, or on a partition it lacks is refused', async () => {
    const { set } = await world();
    await refused(set('0:51', true), 'POSITION_BEYOND_END', /offset 51 .* 50/);
    await refused(set('1:4', true), 'POSITION_GAP', /posts-1: the topic begins at 5/);
    await refused(set('7:1', true), 'USAGE', /no partition 7/);
  });

  test('one wish that cannot be granted leaves all others undone', async () => {
    const { ledger, set } = await world();
    await refused(set('0:30,1:99', true), 'POSITION_BEYOND_END', /posts-1/);
    assert.equal(ledger.entries.size, 2);
  });

  test('decides where a partition begins that nobody has read', async () => {
    const { ledger, set } = await world();
    assert.deepEqual(await set('1:7', true), ['posts-1 is at 7']);
    assert.equal(await ledger.readOrigin({ topic: 'posts', partition: 1 }), 7n);
  });

  test('a consumer that commits at the same moment wins, and the caller is told', async () => {
    const { ledger, parts, set } = await world();
    const commit = ledger.commit.bind(ledger);
    parts.ledger.commit = async (record) => {
      await commit(entryOf(of, 20, 25));
      return commit(record);
    };
    await refused(set('0:30', true), 'USAGE', /moved by a consumer meanwhile/);
    assert.equal((await ledger.read(of, 20n))?.kind, 'batch');
  });

  test('wishes are read as partition:offset and nothing else', () => {
    assert.deepEqual(parsePartitionOffsets('0:15, 12:9007199254740993'), [
      { partition: 0, offset: 15n },
      { partition: 12, offset: 9007199254740993n },
    ]);
    for (const text of ['', '0', '0:', ':5', '0:-1', '0:1.5', 'x:1', '0:1;1:2', '0:1,0:2']) {
      assert.throws(
        () => parsePartitionOffsets(text),
        (error) => isCode(error, 'USAGE'),
        text,
      );
    }
  });
});

describe('positions rebuild', () => {
  test('gives every topic partition of the ledger its last batch back', async () => {
    const { ledger } = await world();
    const other = { topic: 'other', partition: 3 };
    await ledger.origin(other, 7n);
    await ledger.commit(entryOf(other, 7, 9));
    await ledger.origin({ topic: 'other', partition: 4 }, 0n);
    const directory = await mkdtemp(join(tmpdir(), 'positions-'));
    const file = join(directory, 'positions.json');
    try {
      const options = { file, destination: 'default.posts', log: silentLog, clock: systemClock };
      await rebuild(ledger, new FilePositionStore(options), signal);
      const saved = await readPositionFile(file);
      assert.deepEqual(
        saved.map(({ range }) => range),
        [
          { ...other, start: 7n, end: 9n, attempt: '' },
          { ...of, start: 10n, end: 20n, attempt: '' },
        ],
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('a batch that was committed and not placed when the file was rebuilt is placed at the next start, once', async () => {
    const { ledger } = await world();
    const directory = await mkdtemp(join(tmpdir(), 'positions-'));
    const file = join(directory, 'positions.json');
    const options = { file, destination: 'default.posts', log: silentLog, clock: systemClock };
    const placed: bigint[] = [];
    const start = async () => {
      const store = new FilePositionStore(options);
      await store.open(signal);
      const hint = await store.last(of);
      assert.equal(hint?.end, 20n);
      const parts = {
        hints: [hint],
        wishedOrigin: () => assert.fail('the first position is decided'),
        place: async (entry: PlacedBatch) => void placed.push(entry.start),
        log: silentLog,
      };
      const { last } = await resume(ledger, of, parts, signal);
      assert.ok(last);
      await store.advance(last);
      await store.close();
    };
    try {
      await rebuild(ledger, new FilePositionStore(options), signal);
      await start();
      assert.deepEqual(placed, [10n]);
      await start();
      assert.deepEqual(placed, [10n], 'from then on it is known to be placed');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
